import Foundation
import JSON
import Parallel
import Telemetry
import Testing
import TokenData

@testable import Training

/// The lines of `metrics.jsonl`.
struct MetricsTests {
  private let scratch: Scratch

  init() throws { scratch = try Scratch() }

  /// A run on shards with others to validate on.
  private func config(_ overrides: String...) throws -> RunConfig { try config(overrides) }

  private func run(_ name: String) -> RunInDirectory { RunInDirectory(directory: scratch.file(name)) }

  private func config(_ overrides: [String]) throws -> RunConfig {
    let shard = scratch.file("tiny_val_000000.bin")
    try TokenShardWriter.write((0..<100).map { Int32($0 % 24) }, vocabularySize: 24, to: shard)
    return try SmallRun.tokens(scratch, ["data.validation=\(shard)"] + overrides)
  }

  private func lines(_ run: RunInDirectory) throws -> [JSONValue] {
    let text = try String(contentsOfFile: run.directory + "/metrics.jsonl", encoding: .utf8)
    return try text.split(separator: "\n").map { try JSONValue(json: String($0)) }
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

  @Test func `sample texts change nothing of a run, and a resumed run writes the same`() throws {
    let overrides = ["data.tokenizer=bytes", "model.vocab_size=256", "train.validation_interval=0"]
    let sampling = ["train.sample_interval=3", "train.sample_prompt=ab", "train.sample_tokens=5"]
    for temperature in [0.0, 0.8] {
      let more = sampling + ["train.sample_temperature=\(temperature)"]
      let (plain, sampled) = (RunInDirectory(directory: scratch.file("a\(temperature)")), run("b\(temperature)"))
      try plain.train(config(overrides))
      try sampled.train(config(overrides + more))
      #expect(try sampled.tensors(8) == plain.tensors(8))
      let (expected, found) = (try plain.records(), try sampled.records())
      #expect(found.filter { $0["text"] == nil } == expected)
      let samples = found.filter { $0["text"] != nil }
      #expect(samples.map { $0["step"]?.integerValue } == [3, 3, 6, 6, 8, 8])
      #expect(samples.map { $0["chunk_size"]?.integerValue } == [2, 4, 2, 4, 2, 4])
      #expect(samples.allSatisfy { $0["prompt"] == .text("ab") && $0["text"]?.textValue?.isEmpty == false })
      #expect(sampled.messages.all.count { $0.hasPrefix("sample ") && $0.contains("text=ab") } == 6)

      let parts = run("c\(temperature)")
      try parts.train(config(overrides + more + ["train.steps=4"]))
      try parts.train(config(overrides + more))
      // The first part ends with a validation and texts of its own.
      #expect(try parts.records().filter { $0["step"] != .integer(4) || $0["loss"] != nil } == found)
    }
  }

  @Test(arguments: [2, 3]) func `sample texts are the same on any number of ranks`(count: Int) throws {
    let overrides = [
      "data.tokenizer=bytes", "model.vocab_size=256", "train.sample_interval=4", "train.sample_tokens=9",
      "schedule.kind=constant", "optimizer.learning_rate=1.0e-6",
    ]
    let alone = run("alone")
    try alone.train(config(overrides))
    let (together, shared) = (run("together"), try config(overrides))
    _ = try ThreadGroup.run(size: count) { group in
      try together.trainer(shared, group: group).run(.automatic)
    }
    let texts = { (run: RunInDirectory) in try run.records().filter { $0["text"] != nil } }
    #expect(try texts(together) == texts(alone))
  }

  @Test(arguments: [
    (["train.sample_interval=2"], "train.sample_interval"),
    (
      ["train.sample_interval=2", "data.tokenizer=bytes", "model.vocab_size=256", "train.sample_prompt=''"],
      "train.sample_prompt: found 0 tokens; "
    ),
    (
      [
        "train.sample_interval=2", "data.tokenizer=bytes", "model.vocab_size=256",
        "train.sample_prompt=abcdefghijklmnop",
      ],
      "train.sample_prompt: found 16 tokens; allowed: 1 to 15 tokens"
    ),
  ])
  func `sample texts that cannot be are refused`(overrides: [String], message: String) throws {
    let error = #expect(throws: JSONError.self) { try config(overrides) }
    #expect(error?.description.contains(message) == true, "\(String(describing: error))")
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
