package import Checkpoints
internal import JSON

/// A small checkpoint whose every byte depends on its step.
package struct SampleCheckpoint {
  package let contents: CheckpointContents
  let embedding: [Float]
  /// Bytes that a shard may hold: one to three of the weights.
  static let shardBytes = 150

  private let memory: TensorMemory

  /// - Parameter variant: tells apart two checkpoints of one step.
  package init(step: Int, variant: Int = 0) {
    var random = TestRandom(state: UInt64(step * 16 + variant))
    let memory = TensorMemory()
    self.memory = memory
    embedding = (0..<24).map { _ in Float.random(in: -1...1, using: &random) }
    let weights = [
      memory.floats("model.embeddings.weight", [6, 4], embedding),
      memory.random("model.layers.0.attn.q_proj.weight", .float32, [4, 4], using: &random),
      memory.random("model.norm.weight", .float32, [4], using: &random),
      memory.random("model._train_chunk_size_step", .int64, [], using: &random),
      memory.random("lm_head.weight", .float32, [6, 4], using: &random),
    ]
    let optimizer = [
      memory.random("exp_avg", .float32, [40], using: &random),
      memory.random("exp_avg_sq", .float32, [40], using: &random),
    ]
    contents = CheckpointContents(
      modelConfig: ["model_type": "cat", "hidden_size": 4, "norm_eps": 1e-6, "num_kv_heads": nil],
      generationConfig: ["bos_token_id": 1], weights: weights, optimizer: optimizer,
      state: SampleCheckpoint.state(step: step), extraFiles: ["tokenizer.model": Array("pieces \(step)".utf8)])
  }

  package static func state(step: Int) -> TrainerState {
    TrainerState(
      step: step, tokensSeen: step * 512, seed: -7, cursor: SampleCursor(epoch: 1, index: step * 8), worldSize: 2,
      threadCount: 3, blasCore: "Cooperlake", configDigest: Digest.sha256(of: "config"), sumOrder: "of ranks",
      skippedInARow: 1,
      skippedTotal: 4, spikeTotal: 2, recentLosses: ["2,4": [2.5, 0.1]],
      invariants: ["cycle": ["micro_batch": .integer(step * 4), "rate": 0.1]])
  }

  /// Writes it into the run at `runDirectory`.
  @discardableResult
  package func write(to runDirectory: String, disk: Disk = .real) throws -> WrittenCheckpoint {
    let store = CheckpointStore(runDirectory: runDirectory, disk: disk)
    return try store.write(contents, shardBytes: SampleCheckpoint.shardBytes)
  }

  /// Whether an open checkpoint is this one.
  package func equals(_ checkpoint: CheckpointDirectory) throws -> Bool {
    try checkpoint.weights.floats("model.embeddings.weight") == embedding && checkpoint.state == contents.state
      && checkpoint.config == contents.modelConfig
  }
}
