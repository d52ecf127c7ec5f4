import Checkpoints
import Settings
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
    let error = try #require(throws: SettingsError.self) {
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
