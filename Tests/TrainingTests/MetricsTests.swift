import Foundation
import Settings
import Testing
import TokenData

@testable import Training

/// The lines of `metrics.jsonl`.
struct MetricsTests {
  private let scratch: Scratch

  init() throws { scratch = try Scratch() }

  /// A run on shards with others to validate on.
  private func config(_ overrides: String...) throws -> RunConfig {
    let shard = scratch.file("tiny_val_000000.bin")
    try TokenShardWriter.write((0..<100).map { Int32($0 % 24) }, vocabularySize: 24, to: shard)
    return try SmallRun.tokens(scratch, ["data.validation=\(shard)"] + overrides)
  }

  private func lines(_ run: RunInDirectory) throws -> [Setting] {
    let text = try String(contentsOfFile: run.directory + "/metrics.jsonl", encoding: .utf8)
    return try text.split(separator: "\n").map { try Setting(json: String($0)) }
  }

  @Test func `docs metrics has the keys as they are declared`() throws {
    let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    let text = try String(contentsOf: root.appending(path: "docs/metrics.md"), encoding: .utf8)
    #expect(text.contains("\n" + MetricsKey.table + "\n\n"), "docs/metrics.md needs:\n\(MetricsKey.table)")
  }

  @Test func `every line says when it was written`() throws {
    let start = Date.now.timeIntervalSince1970
    let run = RunInDirectory(directory: scratch.file("run"))
    try run.train(config("train.validation_interval=4"))
    let times = try lines(run).map { try #require($0["time"]?.numberValue) }
    #expect(times.count == 8 + 2 * 2)
    #expect(times == times.sorted())
    #expect(times[0] >= start - 0.001 && times[times.count - 1] <= Date.now.timeIntervalSince1970 + 0.001)
  }

  @Test func `a line has keys of its kind alone, in the order of their declaration`() throws {
    let run = RunInDirectory(directory: scratch.file("run"))
    try run.train(config("checkpoint.mode=blocking"))
    for line in try lines(run) {
      let keys = try #require(line.entries).map { try #require(MetricsKey(rawValue: $0.key), "\($0.key)") }
      #expect(keys == MetricsKey.allCases.filter(keys.contains))
      let kind: MetricsLine = keys.contains(.loss) ? .training : .validation
      for key in keys { #expect(key.declaration.lines.contains(kind), "\(key) in \(line.json())") }
    }
  }

  @Test func `the best validation is the lowest loss of each chunk size, those before a resume included`() throws {
    let path = scratch.file("metrics.jsonl")
    try Data(
      """
      {"step": 2, "loss": 1.0, "chunk_size": 4}
      {"step": 2, "validation_loss": 2.5, "chunk_size": 8, "accuracy": 0.5}
      {"step": 2, "validation_loss": 3.5, "chunk_size": 4}
      {"step": 4, "validation_loss": 3.25, "chunk_size": 4}
      {"step": 4, "validation_loss": "nan", "chunk_size": 8}
      {"step": 6, "validation_loss": 2.7
      """.utf8
    ).write(to: URL(filePath: path))
    var best = BestValidation(metricsAt: path)
    best.add(BestValidation.Entry(chunkSize: 8, loss: 2.25, step: 8))
    best.add(BestValidation.Entry(chunkSize: 4, loss: 3.75, step: 8))
    #expect(
      best.entries == [
        BestValidation.Entry(chunkSize: 4, loss: 3.25, step: 4),
        BestValidation.Entry(chunkSize: 8, loss: 2.25, step: 8),
      ])
    #expect(BestValidation(metricsAt: scratch.file("absent")).entries.isEmpty)
  }

  @Test(arguments: [
    ("runs/a", "runs/a"), ("my runs/a", "'my runs/a'"), ("it's", #"'it'\''s'"#), ("", "''"), ("a$b", "'a$b'"),
  ])
  func `words of a proposed command are quoted as a shell needs it`(word: String, quoted: String) {
    #expect(NextCommands.quoted(word) == quoted)
  }
}
