import Parallel
import TensorCore
import Testing

@testable import Training

/// Runs whose backward passes compute a part again: the same runs to the bit.
struct RecomputationRunTests {
  private let scratch: Scratch

  init() throws { scratch = try Scratch() }

  private static func curves(
    _ recomputation: Recomputation, rankCount: Int, _ overrides: [String]
  ) throws -> [StepRun.Curve] {
    let own = ["train.recompute=\(recomputation.rawValue)", "parallel.bucket_bytes=1024", "train.steps=6"]
    return try StepRun.curves(SmallRun.recall(own + overrides), rankCount: rankCount)
  }

  @Test(
    arguments: [1, 2, 3],
    [
      [], ["parallel.overlap=on"], ["parallel.overlap=on", "parallel.shard_optimizer=true", "train.accumulation=2"],
      ["parallel.overlap=on", "parallel.wire=bfloat16"],
    ])
  func `curves and weights do not depend on it`(rankCount: Int, overrides: [String]) throws {
    let kept = try Self.curves(.none, rankCount: rankCount, overrides)
    for mode in [Recomputation.attention, .blocks] {
      #expect(try Self.curves(mode, rankCount: rankCount, overrides) == kept, "\(mode)")
    }
  }

  @Test(arguments: VariantRunTests.kinds)
  func `a run goes on to the bit with another choice`(of kind: VariantRunTests.Kind) throws {
    let sizes = "train.chunk_sizes=[\(kind.chunkSizes.map(String.init).joined(separator: ", "))]"
    func config(_ overrides: String...) throws -> RunConfig {
      try SmallRun.tokens(scratch, [sizes] + overrides, model: "model: \(kind.model)\n")
    }
    let whole = RunInDirectory(directory: scratch.file("whole"))
    try whole.train(config())
    let changed = RunInDirectory(directory: scratch.file("changed"))
    try changed.train(config("train.steps=2"))
    try changed.train(config("train.steps=4", "train.recompute=attention"))
    try changed.train(config("train.recompute=blocks"))
    #expect(changed.messages.all.contains { $0.contains("train.recompute") && $0.contains("now=blocks") })
    #expect(try changed.tensors(8) == whole.tensors(8))
    #expect(try changed.records() == whole.records())
  }
}
