import Foundation
import JSON
import Parallel
import Testing
import TokenData

@testable import Training

/// Runs on several weighted sources.
struct MixtureRunTests {
  private let scratch: Scratch

  init() throws { scratch = try Scratch() }

  /// A run on three sources of different formats.
  private func config(_ overrides: String...) throws -> RunConfig {
    let plain = scratch.file("a_train_000000.bin")
    try TokenShardWriter.write((0..<300).map { Int32($0 * $0 % 24) }, vocabularySize: 24, to: plain)
    let bare = scratch.file("bare.bin")
    try Data((0..<200).flatMap { [UInt8($0 % 23), 0] }).write(to: URL(filePath: bare))
    let other = scratch.file("b_train_000000.bin")
    try TokenShardWriter.write((0..<90).map { Int32($0 * 7 % 24) }, vocabularySize: 24, to: other)
    let sources =
      "[{path: \(plain), weight: 0.5}, {path: \(bare), weight: 0.3, format: nanogpt}, {path: \(other), weight: 0.2}]"
    return try SmallRun.tokens(scratch, ["data.train=[]", "data.sources=\(sources)"] + overrides)
  }

  private func run(_ name: String) -> RunInDirectory { RunInDirectory(directory: scratch.file(name)) }

  @Test func `a run that goes on is the run that was not stopped, to the bit`() throws {
    let (whole, parts) = (run("whole"), run("parts"))
    try whole.train(config())
    for steps in [2, 4, 6, 8] { try parts.train(config("train.steps=\(steps)")) }
    #expect(try parts.tensors(8) == whole.tensors(8))
    #expect(try parts.records() == whole.records())
  }

  @Test(arguments: [2, 3, 4]) func `any number of ranks trains on the same samples`(ranks: Int) throws {
    let configuration = try config()
    let alone = try StepRun.curves(configuration, rankCount: 1)[0]
    let shared = try StepRun.curves(configuration, rankCount: ranks)
    for curve in shared {
      #expect(curve.targetCounts == alone.targetCounts && curve.chunkSizes == alone.chunkSizes)
      for (one, other) in zip(curve.losses, alone.losses) { #expect(abs(one - other) <= 1e-6 * other) }
    }
  }

  @Test func `a start says every source with its share and epochs`() throws {
    let named = run("named")
    try named.train(config("train.steps=2"))
    let lines = named.messages.all
    #expect(lines.contains { $0.hasPrefix("data: 590 tokens of 3 sources; ") }, "\(lines)")
    let sources = lines.filter { $0.hasPrefix("source ") }
    #expect(sources.count == 3)
    #expect(
      sources.first?.hasSuffix(
        "a_train_000000.bin: 50.0 % of the samples; 300 tokens; an epoch is 24 samples, the run 0.2 epochs") == true,
      "\(sources)")
  }

  @Test func `other content, weights or windows of a source are refused, another place is not`() throws {
    let begun = run("begun")
    try begun.train(config("train.steps=2"))
    func message(_ overrides: String...) throws -> String {
      let configuration = try SmallRun.tokens(scratch, ["data.train=[]"] + overrides)
      do {
        try begun.train(configuration)
        return ""
      } catch {
        return "\(error)"
      }
    }
    let (a, bare, b) = (
      scratch.file("a_train_000000.bin"), scratch.file("bare.bin"), scratch.file("b_train_000000.bin")
    )
    func sources(_ first: String, _ last: String, weight: Double = 0.5) -> String {
      "data.sources=[{path: \(first), weight: \(weight)}, {path: \(bare), weight: 0.3, format: nanogpt}, {path: \(last), weight: 0.2}]"
    }
    #expect(try message(sources(a, b, weight: 0.6)).contains("data.sources"))
    #expect(try message(sources(b, a)).contains("data"))
    let moved = scratch.file("moved.bin")
    try FileManager.default.copyItem(atPath: a, toPath: moved)
    #expect(try message(sources(moved, b), "train.steps=3").isEmpty)
    #expect(begun.messages.all.contains { $0.contains("configuration changed") && $0.contains("data.sources") })
  }
}
