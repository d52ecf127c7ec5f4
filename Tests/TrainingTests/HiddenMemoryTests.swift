import CPUBackend
import Checkpoints
import Evaluation
import Foundation
import Generation
import HiddenBackend
import Models
import Parallel
import TensorCore
import Testing

@testable import Training

/// Runs on memory that the host cannot reach, where nothing is computed before somebody waits: they give what runs on the
/// processor's own memory give, to the bit.
struct HiddenMemoryTests {
  private let scratch: Scratch

  init() throws { scratch = try Scratch() }

  private func run(_ name: String) -> RunInDirectory { RunInDirectory(directory: scratch.file(name)) }

  /// With validation and sample texts.
  private func config(_ overrides: [String] = []) throws -> RunConfig {
    let own = [
      "data.tokenizer=bytes", "model.vocab_size=256", "train.sample_interval=3", "train.sample_prompt=ab",
      "train.sample_tokens=5", "train.validation_interval=3",
      "data.validation=\(scratch.file("tiny_train_000000.bin"))",
      "parallel.bucket_bytes=2048",
    ]
    return try SmallRun.tokens(scratch, own + overrides)
  }

  private func train(
    _ run: RunInDirectory, _ config: RunConfig, rankCount: Int = 1, isHidden: Bool,
    _ resume: ResumeChoice = .automatic
  ) throws {
    _ = try ThreadGroup.run(size: rankCount) { group in
      let kernels = CPUBackend(threadCount: 1, precision: config.train.precision)
      let backend = isHidden ? HiddenBackend(kernels) as any Backend : kernels
      try run.trainer(config, group: group, backend: backend).run(resume)
    }
  }

  /// Expects that both runs wrote the same records, and checkpoints of the same bits at `steps`.
  private func expectSame(_ found: RunInDirectory, _ expected: RunInDirectory, steps: [Int] = [8]) throws {
    #expect(try found.records() == expected.records())
    for step in steps {
      let (tensors, other) = (try expected.tensors(step), try found.tensors(step))
      #expect(tensors.count > 60 && Set(tensors.keys) == Set(other.keys))
      for name in tensors.keys.sorted() { #expect(other[name] == tensors[name], "step \(step): \(name)") }
      let states = try [expected, found].map { try CheckpointDirectory(verifying: $0.checkpoint(step)).state?.text }
      #expect(states[0] == states[1])
    }
  }

  @Test(
    arguments: [
      [], ["train.recompute=attention"], ["train.recompute=blocks", "train.accumulation=1"],
      ["train.precision=bfloat16"], ["checkpoint.mode=blocking", "optimizer.clip_norm=0"],
      [
        "train.spike_threshold=1", "train.spike_window=4", "train.chunk_sizes=[2]", "train.steps=32",
        "checkpoint.interval=8",
      ],
    ])
  func `a run is the same to the bit`(overrides: [String]) throws {
    let (hidden, plain) = (run("hidden"), run("plain"))
    try train(hidden, config(overrides), isHidden: true)
    try train(plain, config(overrides), isHidden: false)
    let hasSpikes = overrides.contains("train.spike_threshold=1")
    try expectSame(hidden, plain, steps: hasSpikes ? [8, 32] : [2, 8])
    if hasSpikes {
      #expect(try plain.records().contains { $0["spike"] == .flag(true) })
    }
  }

  @Test(
    arguments: [2, 3],
    [
      ["parallel.overlap=on"], ["parallel.overlap=off", "parallel.check_interval=2"],
      ["parallel.overlap=on", "parallel.shard_optimizer=true"],
      ["parallel.overlap=off", "parallel.shard_optimizer=true", "parallel.wire=bfloat16"],
    ])
  func `a run of several ranks is the same to the bit`(rankCount: Int, overrides: [String]) throws {
    let (hidden, plain) = (run("hidden"), run("plain"))
    try train(hidden, config(overrides), rankCount: rankCount, isHidden: true)
    try train(plain, config(overrides), rankCount: rankCount, isHidden: false)
    try expectSame(hidden, plain, steps: [2, 8])
  }

  @Test(arguments: [["checkpoint.read=first"], ["checkpoint.read=each", "parallel.shard_optimizer=true"]], [1, 2])
  func `a resumed run gives the uninterrupted one, bit for bit`(overrides: [String], rankCount: Int) throws {
    let (parts, plain) = (run("parts"), run("plain"))
    let samples = "train.sample_interval=0"
    let whole = try config(overrides + [samples, "train.validation_interval=0"])
    try train(plain, whole, rankCount: rankCount, isHidden: false)
    let part = try config(overrides + [samples, "train.validation_interval=0", "train.steps=4"])
    try train(parts, part, rankCount: rankCount, isHidden: true)
    try train(parts, whole, rankCount: rankCount, isHidden: true)
    let records = { (run: RunInDirectory) in try run.records().filter { $0["loss"] != nil } }
    #expect(try records(parts) == records(plain))
    let (expected, found) = (try plain.tensors(8), try parts.tensors(8))
    for name in expected.keys.sorted() { #expect(found[name] == expected[name], "\(name)") }
  }

  @Test func `steps that are not finite end the run at the same step with nothing changed`() throws {
    let config = try SmallRun.tokens(scratch, ["train.nonfinite_limit=3", "checkpoint.interval=0"])
    let runs = [run("hidden"), run("plain")]
    for (run, isHidden) in zip(runs, [true, false]) {
      let trainer = try run.trainer(config)
      let files = try trainer.makeFiles()
      try trainer.begin(nil, files, trainer.group.makeCollectives(CollectivesSettings()))
      trainer.model.parameters["lm_head.weight"].set(0, to: .infinity)
      _ = try files.write(trainer.state)
      let error = try #require(throws: TrainerError.self) { try train(run, config, isHidden: isHidden) }
      guard case .notFinite(step: 3, count: 3) = error else {
        Issue.record("\(error)")
        return
      }
    }
    #expect(try runs[0].records() == runs[1].records())
  }

  // MARK: Waiting

  /// Times that a run waits, and uploads, in all; the products that are timed at its start do not count.
  private func counts(steps: Int, _ overrides: [String] = []) throws -> (waits: Int, uploads: Int) {
    let config = try SmallRun.tokens(
      scratch,
      ["train.steps=\(steps)", "checkpoint.interval=0", "train.sample_interval=0", "logging.mfu=false"]
        + overrides)
    let backend = HiddenBackend()
    try run("run-\(UUID().uuidString)").trainer(config, backend: backend).run(.fresh)
    return (backend.memory.waitCount, backend.memory.uploadCount)
  }

  @Test(
    arguments: [
      [], ["train.accumulation=4"], ["train.recompute=blocks"],
      ["train.spike_threshold=3", "train.spike_window=4"],
    ])
  func `a step waits once, for the step before it`(overrides: [String]) throws {
    let (short, long) = (try counts(steps: 10, overrides), try counts(steps: 25, overrides))
    #expect(long.waits - short.waits == 15)
    // Ids, and targets if they are not all wanted, of each micro-batch.
    let microBatches = overrides.contains("train.accumulation=4") ? 4 : 2
    #expect(long.uploads - short.uploads <= 15 * microBatches * 3, "\(long.uploads - short.uploads) uploads")
  }

  @Test func `a step that was asked for is waited for only when its results are`() throws {
    let backend = HiddenBackend()
    let run = try StepRun(SmallRun.recall(), group: SoloGroup(), backend: backend)
    let before = backend.memory.waitCount
    let first = try run.step.finish(run.step.begin(0, isStopRequested: false), lossLimit: .infinity)
    let second = try run.step.begin(1, isStopRequested: false)
    #expect(backend.memory.waitCount == before)
    let plain = try StepRun(SmallRun.recall(), group: SoloGroup())
    let results = [first.result(), try run.step.finish(second, lossLimit: .infinity).result()]
    for (index, found) in results.enumerated() {
      let expected = try plain.step(index, isStopRequested: false)
      #expect(found.loss == expected.loss && found.gradientNorm == expected.gradientNorm)
    }
    #expect(backend.memory.waitCount == before + 2)
  }

  @Test(arguments: [true, false])
  func `numbers arrive as they were when they were asked for`(isHidden: Bool) {
    let backend = isHidden ? HiddenBackend() as any Backend : CPUBackend(threadCount: 1)
    let numbers = Tensor(doubles: [1, 2], pool: backend.pool)
    let pending = numbers.startReading()
    numbers.assign(doubles: [3, 4])
    #expect(pending.wait() == [1, 2])
    #expect(numbers.doubles == [3, 4])
  }

  @Test func `another thread finds what it has waited for and nothing else`() throws {
    let backend = HiddenBackend()
    let x = Tensor([0, 0], shape: [2], backend: backend)
    backend.fill(x, with: 1)
    let event = backend.memory.recordEvent()
    backend.fill(x, with: 2)
    let thread = CommunicationThread()
    var found: [[Float]] = []
    thread.enqueue { found.append(x.values) }
    thread.enqueue {
      event.wait()
      found.append(x.values)
    }
    try thread.wait()
    #expect(found[0].allSatisfy(\.isNaN) && found[1] == [1, 1])
    #expect(backend.memory.waitCount == 0)
    #expect(x.values == [2, 2])
  }

  // MARK: Other uses

  @Test func `an evaluation waits once and finds the same`() throws {
    let config = try config()
    let data = try #require(try config.data.validation(seed: 1, batchSize: 3))
    let hidden = HiddenBackend()
    let results = [hidden as any Backend, CPUBackend(threadCount: 1)].map { backend in
      let model = config.model.makeModel(isTrained: false, backend: backend)
      model.parameters.initialize(config.model.specs(scheme: .fla), seed: 1)
      let before = hidden.memory.waitCount
      let evaluator = Evaluator(model: model, backend: backend)
      let result = evaluator.evaluate(data, indices: Array(0..<data.batchCount), chunkSize: 4)
      return (result, hidden.memory.waitCount - before)
    }
    #expect(results[0].0.lossSum == results[1].0.lossSum && results[0].0.targetCount == results[1].0.targetCount)
    #expect(results[0].0.correctCount == results[1].0.correctCount && results[1].0.lossSum > 0)
    #expect(results[0].1 == 1)
  }

  @Test(arguments: [true, false], [0, 0.8])
  func `generation gives the same tokens`(usesCache: Bool, temperature: Double) throws {
    let config = try config()
    let tokens = try [HiddenBackend() as any Backend, CPUBackend(threadCount: 1)].map { backend in
      let model = config.model.makeModel(isTrained: false, backend: backend)
      model.parameters.initialize(config.model.specs(scheme: .fla), seed: 1)
      let generator = Generator(
        model: model, backend: backend, sampling: SamplingSettings(temperature: temperature, seed: 5),
        usesCache: usesCache)
      return try generator.generate([[1, 2, 3, 4, 5], [7, 9, 11, 200, 3]], count: 9, chunkSize: 4).tokens
    }
    #expect(tokens[0] == tokens[1] && tokens[0][0].count == 9)
  }

  @Test(arguments: [ElementType.float32, .bfloat16])
  func `exports and imports are the same files`(type: ElementType) throws {
    let run = run("exported")
    try train(run, config(), isHidden: false)
    let checkpoint = try CheckpointDirectory(verifying: run.checkpoint(8))
    let files = try [("hidden", HiddenBackend() as any Backend), ("plain", CPUBackend(threadCount: 1))].map {
      name, backend in
      let (out, back) = (scratch.file(name), scratch.file(name + "-again"))
      try checkpoint.export(to: out, as: type, shardBytes: 4096, backend: backend)
      _ = try CheckpointDirectory(unverified: out).importModel(to: back, shardBytes: 4096, backend: backend)
      return try [out, back].flatMap { folder in
        try FileManager.default.contentsOfDirectory(atPath: folder).filter { $0.hasSuffix(".safetensors") }.sorted()
          .map { FileManager.default.contents(atPath: folder + "/" + $0) }
      }
    }
    #expect(files[0] == files[1] && files[0].count > 2)
  }

  @Test func `ranks that differ in a weight are found`() throws {
    let config = try SmallRun.recall()
    let run = run("agreement")
    let messages = try ThreadGroup.run(size: 3) { group in
      let trainer = try run.trainer(config, group: group, backend: HiddenBackend())
      trainer.model.parameters.initialize(config.model.specs(scheme: .fla), seed: 1)
      try trainer.checkAgreement()
      if group.rank == 1 { trainer.model.parameters.weights.set(77, to: 0.25) }
      let error = #expect(throws: TrainerError.self) { try trainer.checkAgreement() }
      return error?.description ?? "nothing"
    }
    #expect(messages.allSatisfy { $0.contains("rank 1 differs from the others in weights") }, "\(messages)")
  }

  /// What a run of two ranks leaves: its records and the bits of its checkpoints; nil if it ends with an error.
  ///
  /// - Parameter omitted: which download of rank 0 is left out.
  private func outcome(
    _ overrides: [String], omitting omitted: Int?
  ) throws -> (records: String, tensors: [[String: [UInt32]]], downloadCount: Int)? {
    let run = run("run-\(UUID().uuidString)")
    let own = [
      "train.steps=2", "train.chunk_sizes=[4]", "train.validation_interval=2", "train.sample_interval=0",
      "parallel.bucket_bytes=20000", "parallel.check_interval=1", "checkpoint.interval=1",
    ]
    let config = try config(own + overrides)
    let counts = try? ThreadGroup.run(size: 2) { group in
      let backend = HiddenBackend()
      if group.rank == 0, let omitted { backend.memory.omitDownload(omitted) }
      try run.trainer(config, group: group, backend: backend).run(.fresh)
      return backend.memory.downloadCount
    }
    guard let counts else { return nil }
    let tensors = try [1, 2].map { try run.tensors($0) }
    return (try run.records().map { $0.json() }.joined(separator: "\n"), tensors, counts[0])
  }

  @Test(arguments: [["checkpoint.mode=async"], ["checkpoint.mode=blocking", "parallel.shard_optimizer=true"]])
  func `every download is needed`(overrides: [String]) throws {
    let whole = try #require(try outcome(overrides, omitting: nil))
    #expect(whole.downloadCount > 10)
    // The first are one of each kind; what follows are mostly pieces of moments.
    for index in 0..<whole.downloadCount where index < 20 || index % 20 == 0 {
      guard let found = try outcome(overrides, omitting: index) else { continue }
      #expect(found.records != whole.records || found.tensors != whole.tensors, "download \(index)")
    }
  }

  @Test func `the host cannot reach what it has not asked for`() async {
    await #expect(processExitsWith: .failure) {
      let backend = HiddenBackend()
      let x = Tensor([1, 2, 3], shape: [3], backend: backend)
      guard let segment = x.storage.segment as? HiddenSegment, x.values == [1, 2, 3] else { exit(0) }
      // A trap. What is read is printed, so that no optimisation leaves the reading out.
      print(segment.address.load(as: Float.self))
      exit(0)
    }
  }
}
