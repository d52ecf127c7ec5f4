package import Checkpoints
package import Models
package import Optimizers
internal import Settings
internal import TensorCore

/// Names of the optimizer's tensors: as in a PyTorch optimizer's state.
private enum MomentPrefix {
  static let first = "exp_avg."
  static let second = "exp_avg_sq."
}

/// A run's weights, moments and state on their way to and from its checkpoints.
package struct RunFiles {
  package let directory: RunDirectory
  let model: any LanguageModel
  let optimizer: AdamW
  let config: RunConfig

  package init(directory: RunDirectory, model: any LanguageModel, optimizer: AdamW, config: RunConfig) {
    self.directory = directory
    self.model = model
    self.optimizer = optimizer
    self.config = config
  }

  /// Bytes of weights and moments.
  package var tensorBytes: Int { buffers.reduce(0) { $0 + $1.count * $1.dtype.byteCount } }

  private var buffers: [Tensor] { [model.parameters.weights, optimizer.firstMoments, optimizer.secondMoments] }

  /// Writes a checkpoint from the run's own memory, then removes those that need not be kept.
  @discardableResult
  func write(_ state: TrainerState) throws(CheckpointError) -> SavedCheckpoint {
    try model.parameters.weights.withBytes { (weights) throws(CheckpointError) in
      try optimizer.firstMoments.withBytes { (first) throws(CheckpointError) in
        try optimizer.secondMoments.withBytes { (second) throws(CheckpointError) in
          let contents = unsafe contents(state, weights, first, second)
          return try SavedCheckpoint(writing: contents, in: directory.checkpoints, as: config.checkpoint)
        }
      }
    }
  }

  /// What a checkpoint of now holds, with weights and moments copied into `snapshot`, which must outlive the result.
  func contents(_ state: TrainerState, copiedTo snapshot: SnapshotMemory) -> CheckpointContents {
    let parts = unsafe copy(to: snapshot)
    return unsafe contents(state, parts[0], parts[1], parts[2])
  }

  /// Copies weights and moments one after the other.
  ///
  /// - Returns: where they are in `snapshot`.
  @discardableResult
  package func copy(to snapshot: SnapshotMemory) -> [UnsafeMutableRawBufferPointer] {
    var start = 0
    return buffers.map { buffer in
      buffer.withBytes { bytes in
        let part = unsafe UnsafeMutableRawBufferPointer(rebasing: snapshot.bytes[start..<start + bytes.count])
        unsafe part.copyMemory(from: UnsafeRawBufferPointer(bytes))
        start += bytes.count
        return unsafe part
      }
    }
  }

  private func contents(
    _ state: TrainerState, _ weights: UnsafeMutableRawBufferPointer, _ first: UnsafeMutableRawBufferPointer,
    _ second: UnsafeMutableRawBufferPointer
  ) -> CheckpointContents {
    let layout = model.parameters
    return unsafe CheckpointContents(
      modelConfig: config.model.huggingFace, generationConfig: config.model.generationConfig,
      weights: layout.named(weights),
      optimizer: layout.named(first, prefix: MomentPrefix.first) + layout.named(second, prefix: MomentPrefix.second),
      state: state, extraFiles: [RunConfig.fileInCheckpoint: Array(config.resolved.yaml().utf8)])
  }
}

extension Trainer {
  /// Fills weights and moments from a checkpoint of this run.
  func load(_ checkpoint: CheckpointDirectory) throws {
    guard let moments = checkpoint.optimizer else {
      throw TrainerError.notResumable(checkpoint: checkpoint.path, missing: "optimizer tensors")
    }
    let (layout, path) = (model.parameters, checkpoint.path)
    try checkpoint.weights.copy(to: layout.weights, layout: layout, path: path)
    try moments.copy(to: optimizer.firstMoments, layout: layout, prefix: MomentPrefix.first, path: path)
    try moments.copy(to: optimizer.secondMoments, layout: layout, prefix: MomentPrefix.second, path: path)
  }
}
