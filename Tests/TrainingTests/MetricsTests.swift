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
    let lines = try run.lines()
    // Training, validation at two sizes, checkpoints, what they and validations held up, and the end.
    let marks = ["loss", "validation_loss", "checkpoint", "stall", "end"]
    #expect(marks.map { mark in lines.count { $0[mark] != nil } } == [8, 2 * 2, 4, 4 + 2, 1])
    #expect(lines.count == 8 + 4 + 4 + 6 + 1)
    let times = try lines.map { try #require($0["time"]?.numberValue) }
    #expect(times == times.sorted())
    #expect(times[0] >= start - 0.001 && times[times.count - 1] <= Date.now.timeIntervalSince1970 + 0.001)
  }

  @Test func `a line has keys of its kind alone, in the order of their declaration`() throws {
    let run = RunInDirectory(directory: scratch.file("run"))
    try run.train(config("checkpoint.mode=blocking"))
    for line in try run.lines() {
      let keys = try #require(line.entries).map { try #require(MetricsKey(rawValue: $0.key), "\($0.key)") }
      #expect(keys == MetricsKey.allCases.filter(keys.contains))
      let marks: [(MetricsKey, MetricsLine)] = [
        (.loss, .training), (.validationLoss, .validation), (.checkpoint, .checkpoint), (.stall, .stall), (.end, .end),
      ]
      let kind = try #require(marks.first { keys.contains($0.0) }?.1)
      for key in keys { #expect(key.declaration.lines.contains(kind), "\(key) in \(line.json())") }
    }
  }

  @Test func `phases of a step sum to its seconds, and memory is known`() throws {
    let run = run("run")
    try run.train(config())
    let phases = [
      "data_seconds", "forward_seconds", "backward_seconds", "communication_seconds", "optimizer_seconds",
      "other_seconds",
    ]
    for line in try run.lines() where line["loss"] != nil {
      let parts = try phases.map { try #require(line[$0]?.numberValue, "\($0)") }
      let seconds = try #require(line["seconds"]?.numberValue)
      #expect(abs(parts.reduce(0, +) - seconds) <= 1e-9 && parts.allSatisfy { $0 >= -1e-9 }, "\(line.json())")
      #expect(parts[1] > 0 && parts[2] > 0 && parts[4] > 0, "\(line.json())")
      #expect(line["device_seconds"] == nil && line["checkpoint_stall_seconds"] != nil)
      let memory = try ["memory_bytes", "peak_memory_bytes", "tensor_bytes", "peak_tensor_bytes"].map {
        try #require(line[$0]?.integerValue)
      }
      #expect(memory[0] > 0 && memory[1] >= memory[2] && memory[3] >= memory[2] && memory[2] > 0)
    }
  }

  @Test func `utilisation is the operations of the ranks' chunk sizes over seconds and ceiling`() throws {
    let (with, without) = (run("with"), run("without"))
    try with.train(config())
    try without.train(config("logging.mfu=false"))
    #expect(try without.lines().allSatisfy { $0["mfu"] == nil })
    #expect(try with.records() == without.records())
    let said = try #require(with.messages.all.first { $0.contains("floating-point operations/s at best") })
    #expect(!without.messages.all.contains { $0.contains("at best") }, "\(said)")
    // Rates of the same ceiling: operations follow from the mix of chunk sizes alone.
    var rates: [JSONValue: Set<Double>] = [:]
    for line in try with.lines() where line["loss"] != nil {
      let (utilization, seconds) = (try #require(line["mfu"]?.numberValue), try #require(line["seconds"]?.numberValue))
      #expect(utilization > 0)
      let sizes = (line["chunk_size"]?.listValue ?? []).compactMap(\.integerValue).sorted()
      let key: JSONValue = sizes.isEmpty ? line["chunk_size"] ?? .null : .list(sizes.map(JSONValue.integer))
      rates[key, default: []].insert((utilization * seconds * 1e6).rounded())
    }
    #expect(rates.count > 1 && rates.values.allSatisfy { $0.count == 1 }, "\(rates)")
  }

  @Test func `files and terminal say the same, and all are cut back to the checkpoint`() throws {
    let run = run("run")
    let settings = try config("train.validation_interval=4")
    try run.train(settings)
    let log = { try String(contentsOfFile: run.directory + "/run.log", encoding: .utf8) }
    let steps = { try log().split(separator: "\n").filter { $0.contains(" record step=") && $0.contains(" loss=") } }
    #expect(try steps().count == 8)
    for line in try run.lines() where line["loss"] != nil {
      let number = try #require(line["loss"]).json()
      #expect(try steps().contains { $0.contains("step=\(line["step"]?.json() ?? "") loss=\(number) ") })
    }
    #expect(try log().contains(" info beginning with new weights"))
    #expect(run.messages.all.count { $0.hasPrefix("validation step=") } == 4)
    try run.damage(8)
    try run.train(settings)
    #expect(try steps().count == 8)
    #expect(try log().split(separator: "\n").count { $0.contains(" record step=8 ") && $0.contains(" end=") } == 1)
    let quiet = self.run("quiet")
    try quiet.train(config("logging.log_file=false", "logging.tensorboard=false"))
    let names = try FileManager.default.contentsOfDirectory(atPath: quiet.directory).sorted()
    #expect(names == ["checkpoints", "config.yaml", "lock", "metrics.jsonl"])
  }

  @Test func `a run that fails says so in its last record`() throws {
    let run = run("run")
    let trainer = try run.trainer(config("train.nonfinite_limit=2", "checkpoint.interval=0"))
    trainer.model.parameters.initialize(trainer.config.model.specs(scheme: .fla), seed: 1)
    let files = try trainer.makeFiles()
    trainer.model.parameters["lm_head.weight"].set(0, to: .infinity)
    _ = try files.write(trainer.state)
    #expect(throws: TrainerError.self) { try run.train(config("train.nonfinite_limit=2", "checkpoint.interval=0")) }
    let end = try #require(run.lines().last)
    #expect(end["end"] == "failed" && end["step"] == 2 && end["reason"]?.textValue?.isEmpty == false, "\(end.json())")
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
