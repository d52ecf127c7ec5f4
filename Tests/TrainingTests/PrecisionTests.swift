import Checkpoints
import JSON
import TensorCore
import Testing

@testable import Training

/// Runs whose products are in bfloat16.
struct PrecisionTests {
  private static let rounding = "train.precision=bfloat16"
  private let scratch: Scratch

  init() throws { scratch = try Scratch() }

  private func run(_ name: String) -> RunInDirectory { RunInDirectory(directory: scratch.file(name)) }

  @Test func `precision is single unless a run file says otherwise, and recorded`() throws {
    #expect(try SmallRun.tokens(scratch).train.precision == .float32)
    let config = try SmallRun.tokens(scratch, [Self.rounding])
    #expect(config.train.precision == .bfloat16)
    #expect(config.resolved.value(at: "train.precision") == .text("bfloat16"))
    let error = try #require(throws: JSONError.self) {
      try SmallRun.tokens(scratch, ["train.precision=bf16"])
    }
    for part in ["train.precision", "bf16", "float32", "bfloat16"] { #expect(error.description.contains(part)) }
  }

  @Test(arguments: ["uniform", "cycle"])
  func `a resumed run in bfloat16 gives the uninterrupted one, bit for bit`(schedule: String) throws {
    let overrides = [Self.rounding, "train.chunk_schedule=\(schedule)"]
    let (whole, parts) = (run("whole"), run("parts"))
    try whole.train(SmallRun.tokens(scratch, overrides))
    try parts.train(SmallRun.tokens(scratch, overrides + ["train.steps=4"]))
    try parts.train(SmallRun.tokens(scratch, overrides))
    #expect(parts.messages.all.contains { $0.hasPrefix("resuming") && $0.contains("step=4") })
    #expect(try parts.tensors(8) == whole.tensors(8))
    #expect(try parts.records() == whole.records())
  }

  @Test(arguments: [Recomputation.attention, .blocks])
  func `what is run again in bfloat16 gives the same bits`(recomputation: Recomputation) throws {
    let (kept, again) = (run("kept"), run("again"))
    try kept.train(SmallRun.tokens(scratch, [Self.rounding]))
    try again.train(SmallRun.tokens(scratch, [Self.rounding, "train.recompute=\(recomputation.rawValue)"]))
    #expect(try again.tensors(8) == kept.tensors(8))
    #expect(try again.records() == kept.records())
  }

  @Test func `losses in bfloat16 follow those in single precision`() throws {
    let (single, rounded) = (run("single"), run("rounded"))
    let overrides = ["train.steps=40", "checkpoint.interval=40"]
    try single.train(SmallRun.recall(overrides))
    try rounded.train(SmallRun.recall(overrides + [Self.rounding]))
    let pairs = try zip(single.losses(), rounded.losses()).map { (single: $0, rounded: $1) }
    #expect(pairs.count == 40)
    for (step, pair) in pairs.enumerated() {
      #expect(abs(pair.rounded - pair.single) <= 5e-3 * pair.single, "step \(step + 1): \(pair)")
    }
    // Operands were rounded indeed.
    #expect(abs(pairs[0].rounded - pairs[0].single) > 1e-6 * pairs[0].single)
  }

  /// MQAR of short and long samples, and a fixed CAT whose chunk is longer than all of its samples.
  @Test(arguments: ProductPrecision.allCases, Recomputation.allCases)
  func `samples shorter than their chunk are trained on`(
    precision: ProductPrecision, recomputation: Recomputation
  ) throws {
    let overrides = [
      "train.precision=\(precision.rawValue)", "train.recompute=\(recomputation.rawValue)", "train.steps=6",
    ]
    let recall = run("recall")
    try recall.train(
      SmallRun.recall(overrides + ["data.lengths=[4, 16]", "data.pairs=[1, 3]", "train.chunk_sizes=[2, 8]"]))
    let fixed = run("fixed")
    let model = """
      model: {model_type: cat_fixed, chunk_size: 14, vocab_size: 24, hidden_size: 16, num_hidden_layers: 2, num_heads: 2,
        compressor_hidden_size: 8, compressor_num_layers: 1, compressor_num_heads: 1, max_position_embeddings: 16}

      """
    try fixed.train(
      SmallRun.tokens(scratch, overrides + ["train.chunk_sizes=[14]", "checkpoint.interval=0"], model: model))
    for run in [recall, fixed] {
      let losses = try run.losses()
      #expect(losses.count == 6 && losses.allSatisfy { $0.isFinite }, "\(losses)")
    }
  }

  @Test func `a run may go on in another precision and says so`() throws {
    let run = run("changed")
    try run.train(SmallRun.tokens(scratch, ["train.steps=4"]))
    try run.train(SmallRun.tokens(scratch, [Self.rounding]))
    #expect(
      run.messages.all.contains {
        $0.hasPrefix("configuration changed") && $0.contains("train.precision") && $0.contains("bfloat16")
      })
    #expect(try run.records().last?["step"] == .integer(8))
  }
}

extension RunInDirectory {
  /// Loss of each step.
  fileprivate func losses() throws -> [Double] {
    try records().compactMap { $0["loss"]?.numberValue }
  }
}
