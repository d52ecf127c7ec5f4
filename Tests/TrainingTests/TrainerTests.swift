import Checkpoints
import Foundation
import Parallel
import ReferenceBackend
import Settings
import TensorCore
import Testing
import TokenData

@testable import Training

struct TrainerTests {
  private let scratch: Scratch

  init() throws { scratch = try Scratch() }

  private func run(_ name: String) -> RunInDirectory { RunInDirectory(directory: scratch.file(name)) }

  @Test(arguments: ["uniform", "cycle"], ["async", "blocking"])
  func `a resumed run gives the uninterrupted one, bit for bit`(schedule: String, mode: String) throws {
    let overrides = ["train.chunk_schedule=\(schedule)", "checkpoint.mode=\(mode)"]
    let whole = run("whole")
    try whole.train(SmallRun.tokens(scratch, overrides))
    let parts = run("parts")
    try parts.train(SmallRun.tokens(scratch, overrides + ["train.steps=4"]))
    try parts.train(SmallRun.tokens(scratch, overrides))
    #expect(parts.messages.all.contains { $0.hasPrefix("resuming") && $0.contains("step=4") })
    let (expected, found) = (try whole.tensors(8), try parts.tensors(8))
    #expect(expected.count > 60 && Set(expected.keys) == Set(found.keys))
    for name in expected.keys.sorted() { #expect(found[name] == expected[name], "\(name)") }
    #expect(try parts.records() == whole.records())
    #expect(try whole.records().compactMap { $0["step"]?.integerValue } == Array(1...8))
  }

  @Test func `a damaged newest checkpoint is passed over and its steps are made again`() throws {
    let config = try SmallRun.tokens(scratch)
    let (whole, damaged) = (run("whole"), run("damaged"))
    for run in [whole, damaged] { try run.train(config) }
    try damaged.damage(8)

    let again = RunInDirectory(directory: damaged.directory)
    try again.train(config)
    #expect(again.messages.all.contains { $0.hasPrefix("checkpoint passed over") && $0.contains("step-00000008") })
    #expect(again.messages.all.contains { $0.hasPrefix("resuming") && $0.contains("step=6") })
    #expect(try again.tensors(8) == whole.tensors(8))
    #expect(try again.records() == whole.records())
  }

  @Test func `a run without an intact checkpoint is refused, with what is wrong with each`() throws {
    let config = try SmallRun.tokens(scratch)
    let run = run("damaged")
    try run.train(config)
    let records = try run.records()
    for step in [2, 4, 6, 8] { try run.damage(step) }
    let error = try #require(throws: TrainerError.self) { try run.train(config) }
    #expect(error.isUserError && !error.description.contains("\n"), "\(error)")
    #expect(error.description.contains("all 4 checkpoints are damaged"), "\(error)")
    for step in [2, 4, 6, 8] { #expect(error.description.contains("step-0000000\(step)/model-"), "\(error)") }
    #expect(error.description.hasSuffix("to begin anew beside them: --resume none --run NEW"), "\(error)")
    #expect(try run.records() == records)
  }

  @Test func `metrics that are cut are said, with how many lines and why`() throws {
    let run = run("cut")
    try run.train(SmallRun.tokens(scratch))
    #expect(!run.messages.all.contains { $0.contains("metrics") })
    try run.damage(8)
    let file = try FileHandle(forWritingTo: URL(filePath: run.directory + "/metrics.jsonl"))
    try file.seekToEnd()
    try file.write(contentsOf: Data("{\"step\": 8, \"lo".utf8))
    try run.train(SmallRun.tokens(scratch))
    let said = run.messages.all.filter { $0.contains("metrics") }
    #expect(
      said == [
        // Two steps; the checkpoint of the second, what it held up, and the end.
        "metrics of later steps are taken out lines=5 reason=the run goes on from step 6",
        "lines of the metrics that are not whole are taken out lines=1",
      ])
    try FileManager.default.removeItem(atPath: run.directory + "/checkpoints")
    try run.train(SmallRun.tokens(scratch))
    #expect(
      run.messages.all.contains(
        "metrics of later steps are taken out lines=17 reason=no checkpoint has it, the run begins at step 1"))
  }

  @Test func `a run that is beyond a smaller number of steps, and was to make more, is not called finished`() throws {
    let run = run("beyond")
    try run.train(SmallRun.tokens(scratch, ["checkpoint.interval=2"]))
    try FileManager.default.removeItem(atPath: run.checkpoint(8))
    let error = try #require(throws: TrainerError.self) { try run.train(SmallRun.tokens(scratch, ["train.steps=2"])) }
    #expect(error.isUserError && error.description.contains("the run is at step 6, beyond train.steps,"), "\(error)")
    #expect(
      error.description.contains("train.steps is 2, was 8") && error.description.contains("--run NEW"), "\(error)")
  }

  @Test(arguments: [
    ("optimizer.learning_rate=2e-3", "optimizer.learning_rate is 0.002, was 0.001"),
    ("train.steps=4", "train.steps is 4, was 8"), ("schedule.warmup_steps=2", "schedule.warmup_steps is 2, was 3"),
  ])
  func `a finished run with other settings is refused and names another run directory`(
    override: String, change: String
  ) throws {
    let run = run("finished")
    try run.train(SmallRun.tokens(scratch))
    let records = try run.records()
    let saidBefore = run.messages.all.count
    let error = try #require(throws: TrainerError.self) { try run.train(SmallRun.tokens(scratch, [override])) }
    #expect(error.isUserError && error.description.contains("the run is finished (8 steps)"), "\(error)")
    #expect(error.description.contains(change) && error.description.contains("--run NEW"), "\(error)")
    // Nothing is announced that does not happen.
    #expect(!run.messages.all.dropFirst(saidBefore).contains { $0.hasPrefix("configuration changed") })
    #expect(try run.records() == records)
  }

  @Test func `a finished run says so on other threads too`() throws {
    let run = run("finished")
    try run.train(SmallRun.tokens(scratch, ["train.steps=2"]))
    try run.train(SmallRun.tokens(scratch, ["train.steps=2", "parallel.threads=1", "parallel.timeout=7"]))
    #expect(run.messages.all.contains { $0.hasPrefix("the run is finished") })
  }

  @Test func `a finished run says so and changes nothing`() throws {
    let config = try SmallRun.tokens(scratch, ["train.steps=2"])
    let first = run("finished")
    try first.train(config)
    let records = try first.records()
    let second = RunInDirectory(directory: first.directory)
    try second.train(config)
    #expect(second.messages.all.contains { $0.hasPrefix("the run is finished") })
    #expect(try second.records() == records)
  }

  @Test func `a fresh start where a run has checkpoints is refused and changes nothing`() throws {
    let config = try SmallRun.tokens(scratch, ["train.steps=2"])
    let run = run("fresh")
    try run.train(config, .fresh)
    let (tensors, records) = (try run.tensors(2), try run.records())
    let error = try #require(throws: TrainerError.self) { try run.train(config, .fresh) }
    #expect(error.isUserError && error.description.contains("step-00000002"), "\(error)")
    #expect(try run.tensors(2) == tensors)
    #expect(try run.records() == records)
  }

  @Test func `a chosen checkpoint is gone on from in another run directory`() throws {
    let first = run("first")
    try first.train(SmallRun.tokens(scratch))
    let second = run("second")
    try second.train(SmallRun.tokens(scratch), .checkpoint(path: first.checkpoint(4)))
    #expect(second.messages.all.contains { $0.hasPrefix("resuming") && $0.contains("step=4") })
    #expect(try second.tensors(8) == first.tensors(8))
  }

  @Test func `data of another size than the checkpoint's is refused`() throws {
    let run = run("resized")
    try run.train(SmallRun.tokens(scratch, ["train.steps=2"]))
    try TokenShardWriter.write(
      (0..<500).map { Int32($0 % 24) }, vocabularySize: 24, to: scratch.file("tiny_train_000000.bin"))
    let error = try #require(throws: TrainerError.self) { try run.train(SmallRun.tokens(scratch)) }
    #expect(error.isUserError && error.description.contains("samples_per_epoch) is 41"), "\(error)")
    #expect(error.description.contains("made with 58"), "\(error)")
  }

  /// The small run's shard, with other bytes of the same size.
  private func changeShard() throws {
    let ids = (0..<700).map { (n: Int) -> Int32 in Int32((n * n + n / 7 + n / 600) % 24) }
    try TokenShardWriter.write(ids, vocabularySize: 24, to: scratch.file("tiny_train_000000.bin"))
  }

  @Test func `other data under the same name is refused`() throws {
    let run = run("replaced")
    try run.train(SmallRun.tokens(scratch, ["train.steps=2"]))
    try changeShard()
    let error = try #require(throws: TrainerError.self) { try run.train(SmallRun.tokens(scratch)) }
    #expect(error.isUserError && !error.description.contains("\n"), "\(error)")
    #expect(
      error.description.contains("data.train (content of shard 1 of 1) is tiny_train_000000.bin (2424 bytes, digest "),
      "\(error)")
  }

  @Test func `the same data under another name is gone on with, bit for bit`() throws {
    let (whole, moved) = (run("whole"), run("moved"))
    try whole.train(SmallRun.tokens(scratch))
    try moved.train(SmallRun.tokens(scratch, ["train.steps=4"]))
    let place = scratch.file("elsewhere.bin")
    try FileManager.default.copyItem(atPath: scratch.file("tiny_train_000000.bin"), toPath: place)
    try changeShard()
    try moved.train(SmallRun.tokens(scratch, ["data.train=\(place)"]))
    #expect(moved.messages.all.contains { $0.hasPrefix("configuration changed") && $0.contains("data.train") })
    #expect(try moved.tensors(8) == whole.tensors(8))
    #expect(try moved.records() == whole.records())
  }

  @Test func `a checkpoint that does not know its data is gone on from with a warning, at the same path alone`() throws
  {
    let run = run("old")
    let config = try SmallRun.tokens(scratch, ["train.steps=2"])
    let trainer = try run.trainer(config)
    let files = try trainer.makeFiles()
    try trainer.begin(nil, files, trainer.group.makeCollectives(CollectivesSettings()))
    trainer.state.invariants["training_shards"] = nil
    _ = try files.write(trainer.state)
    let place = scratch.file("elsewhere.bin")
    try FileManager.default.copyItem(atPath: scratch.file("tiny_train_000000.bin"), toPath: place)
    let error = try #require(throws: TrainerError.self) {
      try run.train(SmallRun.tokens(scratch, ["train.steps=2", "data.train=\(place)"]))
    }
    #expect(error.description.contains("data.train is "), "\(error)")
    try run.train(config)
    #expect(run.messages.all.contains { $0.hasPrefix("the checkpoint does not say what its data held") })
    #expect(run.messages.all.contains { $0.hasPrefix("resuming") })
    let state = try #require(try CheckpointDirectory(verifying: run.checkpoint(2)).state)
    #expect(state.invariants["training_shards"]?.listValue?.first?["bytes"] == 2424)
  }

  @Test func `a chosen checkpoint is refused where newer ones are`() throws {
    let run = run("chosen")
    try run.train(SmallRun.tokens(scratch))
    let expected = try run.tensors(8)
    let error = try #require(throws: TrainerError.self) {
      try run.train(SmallRun.tokens(scratch), .checkpoint(path: run.checkpoint(4)))
    }
    #expect(error.description.contains("step-00000008"), "\(error)")
    #expect(try run.tensors(8) == expected)
  }

  @Test(arguments: [
    ("model.rope_theta=500", "model.rope_theta", "500", "10000"),
    ("model.hidden_size=32", "model.hidden_size", "32", "16"),
    ("data.context=8", "data.context", "8", "12"), ("train.seed=4", "train.seed", "4", "1337"),
    ("train.batch_size=6", "train.batch_size", "6", "4"),
    ("train.chunk_sizes=[2]", "train.chunk_sizes", "[2]", "[2"),
    ("train.chunk_schedule=cycle", "train.chunk_schedule", "\"cycle\"", "\"uniform\""),
    ("train.chunk_weights=[1, 2]", "train.chunk_weights", "[1", "[1"),
  ])
  func `another run's checkpoint is refused by key, found and expected`(
    override: String, key: String, found: String, expected: String
  ) throws {
    let run = run("refused")
    try run.train(SmallRun.tokens(scratch, ["train.steps=2"]))
    let error = try #require(throws: TrainerError.self) { try run.train(SmallRun.tokens(scratch, [override])) }
    #expect(error.description.contains("\(key) is \(found)"), "\(error)")
    #expect(error.description.contains("made with \(expected)"), "\(error)")
    #expect(!error.description.contains("\n") && error.isUserError)
  }

  @Test func `another number of micro-batches is refused where each has a chunk size of its own`() throws {
    let run = run("cycle")
    let cycle = "train.chunk_schedule=cycle"
    try run.train(SmallRun.tokens(scratch, [cycle, "train.steps=2"]))
    let error = try #require(throws: TrainerError.self) {
      try run.train(SmallRun.tokens(scratch, [cycle, "train.accumulation=1"]))
    }
    #expect(error.description.contains("train.accumulation is 1, the checkpoint was made with 2"), "\(error)")
  }

  @Test func `what may change is applied and said, key by key`() throws {
    let (whole, changed) = (run("whole"), run("changed"))
    try whole.train(SmallRun.tokens(scratch))
    try changed.train(SmallRun.tokens(scratch, ["train.steps=4"]))
    let overrides = [
      "train.accumulation=1", "checkpoint.keep_last=1", "checkpoint.mode=blocking", "logging.interval=2",
    ]
    try changed.train(SmallRun.tokens(scratch, overrides))
    let said = changed.messages.all.filter { $0.hasPrefix("configuration changed since the checkpoint") }
    let expected = [
      ("train.steps", "4", "8"), ("train.accumulation", "2", "1"), ("checkpoint.keep_last", "10", "1"),
      ("checkpoint.mode", "async", "blocking"), ("logging.interval", "1", "2"),
    ]
    #expect(said.count == expected.count, "\(said)")
    for (key, before, now) in expected {
      #expect(said.contains { $0.hasSuffix("key=\(key) before=\(before) now=\(now)") }, "\(key) in \(said)")
    }
    #expect(try FileManager.default.contentsOfDirectory(atPath: changed.directory + "/checkpoints").count == 2)
    let losses = try [whole, changed].map { run in
      try run.records().filter { $0["step"] == 6 || $0["step"] == 8 }.compactMap { $0["loss"]?.numberValue }
    }
    #expect(losses[0].count == 2 && losses[1].count == 2)
    for (expected, found) in zip(losses[0], losses[1]) { #expect(abs(found / expected - 1) <= 1e-5) }
  }

  @Test func `a learning rate that changes on resume holds from there on`() throws {
    let run = run("rate")
    try run.train(SmallRun.tokens(scratch, ["train.steps=4"]))
    try run.train(SmallRun.tokens(scratch, ["optimizer.learning_rate=2e-3"]))
    let rates = try run.records().compactMap { $0["learning_rate"]?.numberValue }
    #expect(rates[3] == 1e-3 && rates[4...].allSatisfy { $0 == 2e-3 }, "\(rates)")
  }

  @Test(arguments: ["first", "each"], [1, 2, 3])
  func `any number of ranks goes on, whoever reads the checkpoint`(reading: String, rankCount: Int) throws {
    let (whole, parts) = (run("whole"), run("parts"))
    let config = try SmallRun.tokens(scratch, ["checkpoint.read=\(reading)"])
    try whole.train(config)
    try parts.train(SmallRun.tokens(scratch, ["train.steps=4"]))
    _ = try ThreadGroup.run(size: rankCount) { group in
      let trainer = try parts.trainer(config, group: group)
      try trainer.run(.automatic)
      return trainer.step
    }
    #expect(parts.messages.all.contains { $0.hasPrefix("resuming") && $0.contains("step=4") })
    if rankCount == 1 { #expect(try parts.tensors(8) == whole.tensors(8)) }
    let losses = try [whole, parts].map { try $0.records().compactMap { $0["loss"]?.numberValue } }
    #expect(losses[1].count == 8)
    for (expected, found) in zip(losses[0], losses[1]) { #expect(abs(found / expected - 1) <= 1e-5) }
  }

  @Test func `a checkpoint of another kind of model is refused by its type`() throws {
    let run = run("dense")
    try run.train(SmallRun.tokens(scratch, ["train.steps=2"]))
    let shard = scratch.file("tiny_train_000000.bin")
    let yaml = """
      model: {model_type: llama, vocab_size: 24, hidden_size: 16, num_hidden_layers: 2, num_attention_heads: 2,
        intermediate_size: 24, max_position_embeddings: 16}
      data: {context: 12, train: \(shard)}
      train: {steps: 8, batch_size: 4, accumulation: 2}
      """
    let config = try RunConfig(RunFile(yaml: yaml, name: "dense"))
    let error = try #require(throws: TrainerError.self) { try run.train(config) }
    #expect(error.description.contains("model.model_type is \"llama\""), "\(error)")
  }

  @Test func `steps without a finite loss are skipped, counted, and end the run at the limit`() throws {
    let run = run("poisoned")
    let config = try SmallRun.tokens(scratch, ["train.nonfinite_limit=3"])
    let trainer = try run.trainer(config)
    let files = try trainer.makeFiles()
    try trainer.begin(nil, files, trainer.group.makeCollectives(CollectivesSettings()))
    trainer.model.parameters["lm_head.weight"].set(0, to: .infinity)
    _ = try files.write(trainer.state)
    let error = try #require(throws: TrainerError.self) { try run.train(config) }
    guard case .notFinite(let step, let count) = error else {
      Issue.record("\(error)")
      return
    }
    #expect(step == 3 && count == 3 && !error.isUserError)
    #expect(run.messages.all.count { $0.hasPrefix("update skipped") } == 3)
  }

  @Test func `skipped updates are remembered over a resume`() throws {
    let run = run("remembered")
    let config = try SmallRun.tokens(scratch, ["train.nonfinite_limit=5", "train.steps=4"])
    let trainer = try run.trainer(config)
    let files = try trainer.makeFiles()
    try trainer.begin(nil, files, trainer.group.makeCollectives(CollectivesSettings()))
    trainer.model.parameters["lm_head.weight"].set(0, to: .infinity)
    _ = try files.write(trainer.state)
    try run.train(config)
    let state = try #require(try CheckpointDirectory(verifying: run.checkpoint(4)).state)
    #expect(state.skippedInARow == 4 && state.skippedTotal == 4)
    #expect(try run.records().count { $0["skipped"] == .flag(true) } == 4)
    let longer = try SmallRun.tokens(scratch, ["train.nonfinite_limit=5"])
    let error = try #require(throws: TrainerError.self) { try run.train(longer) }
    guard case .notFinite(step: 5, count: 5) = error else {
      Issue.record("\(error)")
      return
    }
  }

  @Test func `a second process on the same run is refused`() throws {
    let run = run("locked")
    let lock = try RunDirectory(path: run.directory).lock()
    #expect(throws: CheckpointError.self) { try run.train(SmallRun.tokens(scratch)) }
    lock.release()
  }
}
