import CPUBackend
import JSON
import MemoryPlans
import Parallel
import TensorCore
import Testing

@testable import Training

/// What is said before a run about its memory.
struct MemoryPlanTests {
  private let scratch: Scratch

  init() throws { scratch = try Scratch() }

  private static func planner() -> any Backend { CPUBackend(threadCount: 1, computes: false) }

  /// What a whole run holds at most, and what was predicted.
  private func bytes(_ config: RunConfig) throws -> (predicted: Int, held: Int) {
    let plan = MemoryPlan(config, rank: 0, rankCount: 1, makeBackend: Self.planner)
    let trainer = try RunInDirectory(directory: scratch.file("run")).trainer(config)
    try trainer.run(.fresh)
    return (plan.tensorBytes, trainer.backend.peakBytes)
  }

  private func expectClose(_ config: RunConfig) throws {
    let (predicted, held) = try bytes(config)
    #expect(abs(Double(predicted) / Double(held) - 1) <= 0.02, "predicted \(predicted), held \(held)")
  }

  /// A CAT with a step far larger than its weights.
  private static let model = """
    model: {vocab_size: 24, hidden_size: 32, num_hidden_layers: 3, num_heads: 2, compressor_hidden_size: 16,
      compressor_num_layers: 2, compressor_num_heads: 1, max_chunk_size: 12, max_position_embeddings: 64}

    """

  @Test(
    arguments: Recomputation.allCases,
    [
      ["train.chunk_sizes=[4]"], ["train.chunk_sizes=[1, 2, 4, 8, 12]", "train.chunk_schedule=cycle"],
      ["train.chunk_sizes=[12, 3]", "train.accumulation=1"], ["train.batch_size=31", "train.accumulation=4"],
    ])
  func `an adaptive CAT's memory is predicted`(recomputation: Recomputation, overrides: [String]) throws {
    let own = ["train.recompute=\(recomputation.rawValue)", "train.batch_size=32", "train.steps=12"]
    try expectClose(SmallRun.tokens(scratch, own + overrides, model: Self.model))
  }

  @Test(arguments: VariantRunTests.kinds, Recomputation.allCases)
  func `the memory of every other kind is predicted`(
    of kind: VariantRunTests.Kind, recomputation: Recomputation
  ) throws {
    let sizes = kind.chunkSizes.map(String.init).joined(separator: ", ")
    let own = ["train.chunk_sizes=[\(sizes)]", "train.recompute=\(recomputation.rawValue)", "train.batch_size=32"]
    try expectClose(SmallRun.tokens(scratch, own, model: "model: \(kind.model)\n"))
  }

  @Test func `a batch of validation may need more than a step`() throws {
    let config = try SmallRun.tokens(
      scratch,
      ["data.validation=\(scratch.file("tiny_train_000000.bin"))", "train.recompute=blocks", "train.batch_size=40"],
      model: Self.model)
    try expectClose(config)
    // One rank of many has few samples of a step, and all of a batch of validation.
    let alone = MemoryPlan(config, rank: 0, rankCount: 40, makeBackend: Self.planner)
    let without = MemoryPlan(
      try SmallRun.tokens(scratch, ["train.recompute=blocks", "train.batch_size=40"], model: Self.model), rank: 0,
      rankCount: 40, makeBackend: Self.planner)
    #expect(alone.tensorBytes > without.tensorBytes)
  }

  @Test func `a sample text may need more than a step`() throws {
    let overrides = [
      "train.recompute=blocks", "train.batch_size=1", "train.accumulation=1", "data.tokenizer=bytes",
      "model.vocab_size=256", "train.sample_prompt=\(String(repeating: "a", count: 55))", "train.sample_tokens=3",
    ]
    let sampled = try SmallRun.tokens(scratch, overrides + ["train.sample_interval=2"], model: Self.model)
    try expectClose(sampled)
    let without = try SmallRun.tokens(scratch, overrides, model: Self.model)
    let (most, least) = (
      MemoryPlan(sampled, rank: 0, rankCount: 1, makeBackend: Self.planner),
      MemoryPlan(without, rank: 0, rankCount: 1, makeBackend: Self.planner)
    )
    #expect(most.tensorBytes > least.tensorBytes)
  }

  @Test(arguments: Recomputation.allCases)
  func `large batches are predicted from smaller ones`(recomputation: Recomputation) throws {
    let config = try SmallRun.tokens(
      scratch,
      [
        "train.recompute=\(recomputation.rawValue)", "train.batch_size=2000", "train.accumulation=1", "train.steps=2",
        "train.chunk_sizes=[4]",
      ], model: Self.model)
    try expectClose(config)
  }

  @Test func `moments of a sharded optimizer and the copy for checkpoints count`() throws {
    func plan(_ rank: Int, _ overrides: String...) throws -> MemoryPlan {
      try MemoryPlan(
        SmallRun.tokens(scratch, ["parallel.bucket_bytes=1024"] + overrides), rank: rank, rankCount: 2,
        makeBackend: Self.planner)
    }
    let count = try StepRun(SmallRun.tokens(scratch), group: SoloGroup()).model.parameters.count
    let (whole, sharded) = (try plan(0), try plan(0, "parallel.shard_optimizer=true"))
    #expect(whole.snapshotBytes == 12 * count)
    #expect(sharded.snapshotBytes == 0)
    #expect(abs(whole.tensorBytes - sharded.tensorBytes - 4 * count) < 8192)
    #expect(try plan(1).snapshotBytes == 0)
    #expect(try plan(0, "checkpoint.mode=blocking").snapshotBytes == 0)
  }

  @Test func `a run without room is refused on all ranks, with the sum of their needs`() throws {
    let config = try SmallRun.tokens(scratch, ["checkpoint.mode=blocking"])
    let need = MemoryPlan(config, rank: 0, rankCount: 2, makeBackend: Self.planner).byteCount
    let path = scratch.file("refused")
    func refusals(_ available: Int) throws -> [String] {
      try ThreadGroup.run(size: 2) { group in
        do {
          _ = try Trainer(
            config, runDirectory: path, group: group, backend: CPUBackend(threadCount: 1),
            host: TrainerHost(
              threadCount: 1, blasCore: "test", summary: "a test",
              availableBytes: group.rank == 0 ? Int.max : available),
            logger: Messages().logger(), makePlanner: Self.planner)
          return "none"
        } catch let error as MemoryError {
          guard case .memory(_, 2, let needed, let found, _) = error else { return "\(error)" }
          #expect(needed == 2 * need && found == available)
          return "memory"
        }
      }
    }
    #expect(try refusals(2 * need - 1) == ["memory", "memory"])
    #expect(try refusals(2 * need) == ["none", "none"])
  }

  @Test func `ids of a step count, however small its micro-batches are`() throws {
    func plan(_ batchSize: Int) throws -> MemoryPlan {
      let overrides = ["train.batch_size=\(batchSize)", "train.accumulation=\(batchSize)"]
      return try MemoryPlan(
        SmallRun.tokens(scratch, overrides), rank: 0, rankCount: 2, makeBackend: Self.planner)
    }
    let (small, large) = (try plan(8), try plan(80_000))
    #expect(large.tensorBytes == small.tensorBytes)
    // Ids and targets of 12 tokens, half of the samples on each of two ranks.
    #expect(large.byteCount - small.byteCount == 8 * 12 * (40_000 - 4))
  }

  @Test func `a rank without addresses is refused on all ranks`() throws {
    let config = try SmallRun.tokens(scratch, ["checkpoint.mode=blocking"])
    let refusals = try ThreadGroup.run(size: 2) { group in
      let room = MemoryRoom(sharedBytes: 1 << 40, addressBytes: group.rank == 0 ? nil : 1 << 20)
      do {
        try room.require(group.rank == 0 ? 3 << 20 : 2 << 20, remedies: ["less of it"], in: group)
        return "none"
      } catch let error as MemoryError {
        return error.description
      }
    }
    #expect(refusals[0] == refusals[1])
    #expect(refusals[0].contains("would take 2.0 MiB, its limit (ulimit -v or -d) leaves 1.0 MiB"), "\(refusals[0])")
    #expect(refusals[0].hasSuffix("less is taken with less of it"), "\(refusals[0])")
    let enough = MemoryRoom(sharedBytes: 5 << 20, addressBytes: 3 << 20)
    #expect(throws: Never.self) { try enough.require(3 << 20, remedies: [], in: SoloGroup()) }
    // Planned in no time, since it is refused anyway.
    let plan = MemoryPlan(config, rank: 0, rankCount: 1, largestBytes: 1000, makeBackend: Self.planner)
    #expect(plan.byteCount > 1000)
  }

  @Test func `a refusal names what would help, and only that`() throws {
    let config = try SmallRun.tokens(
      scratch, ["train.recompute=blocks", "checkpoint.mode=blocking", "train.accumulation=4"])
    let plan = MemoryPlan(config, rank: 0, rankCount: 1, makeBackend: Self.planner)
    let error = try #require(throws: MemoryError.self) {
      try plan.requireRoom(MemoryRoom(sharedBytes: 1000), for: config, in: SoloGroup())
    }
    #expect(error.description.contains("a smaller train.batch_size (4)"), "\(error)")
    #expect(error.description.contains("1000 B are available"), "\(error)")
    for key in ["accumulation", "recompute", "shard_optimizer", "checkpoint.mode"] {
      #expect(!error.description.contains(key), "\(error)")
    }
  }

  @Test func `a run says at its start what it will take`() throws {
    let config = try SmallRun.tokens(scratch, ["train.steps=1"])
    let messages = Messages()
    let trainer = try Trainer(
      config, runDirectory: scratch.file("said"), group: SoloGroup(), backend: CPUBackend(threadCount: 1),
      host: TrainerHost(threadCount: 1, blasCore: "test", summary: "a test", availableBytes: 5 << 40),
      logger: messages.logger(), makePlanner: Self.planner)
    try trainer.run(.fresh)
    let line = try #require(messages.all.first { $0.hasPrefix("memory: ") })
    #expect(line.contains("of tensors a rank") && line.hasSuffix("; 5.0 TiB available"), "\(line)")
  }
}
