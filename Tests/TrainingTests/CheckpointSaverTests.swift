import Checkpoints
import Foundation
import Parallel
import ReferenceBackend
import Synchronization
import Testing

@testable import Training

/// A disk that notes what is done to which step's files, and can be told to hold writers up or to fail them.
private final class WatchedDisk: Sendable {
  private struct State {
    var steps: [Int] = []
    var failingCode: Int32?
  }

  private let state = Mutex(State())
  /// Manifests wait here while `isHolding`.
  private let gate = DispatchSemaphore(value: 0)
  private let isHolding: Bool

  init(isHolding: Bool = false) {
    self.isHolding = isHolding
  }

  var disk: Disk {
    Disk { change in
      guard case .create(let path) = change,
        let name = path.split(separator: "/").first(where: { $0.hasPrefix(".step-") })
      else { return nil }
      if self.isHolding && path.hasSuffix("manifest.json") { self.gate.wait() }
      return self.state.withLock { state in
        state.steps.append(Int(name.dropFirst(6).prefix(8)) ?? -1)
        return state.failingCode
      }
    }
  }

  /// Steps of the files that were made, in order.
  var steps: [Int] { state.withLock { $0.steps } }

  func fail(with code: Int32?) { state.withLock { $0.failingCode = code } }

  func letGo() { gate.signal() }
}

struct CheckpointSaverTests {
  private let scratch: Scratch
  private let run: RunInDirectory

  init() throws {
    scratch = try Scratch()
    run = RunInDirectory(directory: scratch.file("run"))
  }

  /// A run's trainer with fresh weights, and its files on a watched disk.
  private func start(_ disk: Disk, _ overrides: [String] = []) throws -> (trainer: Trainer, files: RunFiles) {
    let config = try SmallRun.tokens(scratch, overrides)
    let trainer = try run.trainer(config)
    let files = RunFiles(
      directory: try RunDirectory(path: run.directory, disk: disk), model: trainer.model, optimizer: trainer.optimizer,
      config: config)
    try trainer.begin(nil, files, trainer.group.makeCollectives(CollectivesSettings()))
    return (trainer, files)
  }

  private func saver(_ files: RunFiles) throws -> CheckpointSaver {
    try CheckpointSaver(files, logger: run.messages.logger())
  }

  private func said(_ prefix: String) -> Int { run.messages.all.count { $0.hasPrefix(prefix) } }

  @Test func `training goes on while a checkpoint is written, which holds what was when it was asked for`() throws {
    let watched = WatchedDisk(isHolding: true)
    let (trainer, files) = try start(watched.disk)
    let saver = try saver(files)
    let weights = trainer.model.parameters.weights
    let before = weights.values
    trainer.state.step = 7
    try saver.save(trainer.state, isLast: false)
    weights.assign(before.map { $0 + 1 })
    let ending = try saver.report()
    #expect(saver.isBusy && ending == nil)
    #expect(try RunDirectory(path: run.directory).checkpoints.newestVerified().checkpoint == nil)
    watched.letGo()
    saver.finish()
    let found = try run.tensors(7)
    for (spec, range) in zip(trainer.model.parameters.specs, trainer.model.parameters.ranges) {
      #expect(found[spec.name] == before[range].map(\.bitPattern), "\(spec.name)")
    }
    #expect(
      said("checkpoint written") == 1 && said("checkpoints are written in the background from a copy memory=") == 1)
  }

  @Test func `a checkpoint that is due while one is written waits for it and says so`() throws {
    let watched = WatchedDisk(isHolding: true)
    let (trainer, files) = try start(watched.disk)
    let saver = try saver(files)
    let messages = run.messages
    trainer.state.step = 1
    try saver.save(trainer.state, isLast: false)
    let release = Thread {
      while !messages.all.contains(where: { $0.hasPrefix("waiting for the checkpoint before") }) { usleep(1000) }
      watched.letGo()
      watched.letGo()
    }
    release.start()
    trainer.state.step = 2
    try saver.save(trainer.state, isLast: false)
    saver.finish()
    #expect(said("waiting for the checkpoint before, which is still being written step=1") == 1)
    #expect(watched.steps.count > 10 && watched.steps == watched.steps.sorted())
    #expect(try run.tensors(1).count == run.tensors(2).count)
  }

  @Test(arguments: ["async", "blocking"], [ENOSPC, EIO, EACCES])
  func `a write that fails is said, harms nothing, and the next one is tried`(mode: String, code: Int32) throws {
    let watched = WatchedDisk()
    let (trainer, files) = try start(watched.disk, ["checkpoint.mode=\(mode)"])
    let saver = try saver(files)
    trainer.state.step = 1
    try saver.save(trainer.state, isLast: false)
    while saver.isBusy { usleep(1000) }
    watched.fail(with: code)
    trainer.state.step = 2
    try saver.save(trainer.state, isLast: false)
    while saver.isBusy { usleep(1000) }
    watched.fail(with: nil)
    trainer.state.step = 3
    try saver.report()
    #expect(said("checkpoint not written; the next one is tried when it is due") == 1)
    let reason = run.messages.all.first { $0.hasPrefix("checkpoint not written") } ?? ""
    #expect(reason.contains(String(cString: strerror(code))) && reason.contains("step=2 "), "\(reason)")
    try saver.save(trainer.state, isLast: false)
    saver.finish()
    #expect(try files.directory.checkpoints.list().map(\.step) == [3, 1])
    #expect(try run.tensors(1) == run.tensors(3))
  }

  @Test(arguments: ["async", "blocking"])
  func `a run that is to stop when a write fails does, at the next step at the latest`(mode: String) throws {
    let watched = WatchedDisk()
    let (trainer, files) = try start(watched.disk, ["checkpoint.mode=\(mode)", "checkpoint.on_failure=stop"])
    let saver = try saver(files)
    watched.fail(with: ENOSPC)
    let error = try #require(throws: CheckpointError.self) {
      try saver.save(trainer.state, isLast: false)
      while saver.isBusy { usleep(1000) }
      try saver.report()
    }
    #expect(error.description.contains("No space left on device"))
  }

  @Test(arguments: ["async", "blocking"])
  func `the last checkpoint of a run is there when the saving returns, or an error is thrown`(mode: String) throws {
    let watched = WatchedDisk()
    let (trainer, files) = try start(watched.disk, ["checkpoint.mode=\(mode)"])
    let saver = try saver(files)
    trainer.state.step = 5
    try saver.save(trainer.state, isLast: true)
    #expect(!saver.isBusy && said("checkpoint written") == 1)
    _ = try run.tensors(5)
    watched.fail(with: EIO)
    trainer.state.step = 6
    #expect(throws: CheckpointError.self) { try saver.save(trainer.state, isLast: true) }
    #expect(try files.directory.checkpoints.list().map(\.step) == [5])
  }

  /// A disk that holds so many checkpoints of the small run and half of one more.
  private func disk(holding count: Int, _ overrides: [String] = []) throws -> Disk {
    let measured = RunInDirectory(directory: scratch.file("measured"))
    try measured.train(SmallRun.tokens(scratch, ["train.steps=2"] + overrides))
    let checkpoint = try fileBytes(measured.checkpoint(2))
    let directory = run.directory
    return Disk { change in
      guard case .write(_, let byteCount) = change else { return nil }
      let used = (try? fileBytes(directory + "/checkpoints")) ?? 0
      return used + byteCount > checkpoint * count + checkpoint / 2 ? ENOSPC : nil
    }
  }

  @Test(arguments: ["async", "blocking"])
  func `room for as many checkpoints as are kept is room enough`(mode: String) throws {
    let overrides = ["checkpoint.mode=\(mode)", "checkpoint.keep_last=3"]
    let trainer = try run.trainer(SmallRun.tokens(scratch, overrides + ["train.steps=12"]))
    trainer.disk = try disk(holding: 3, overrides)
    try trainer.run(.automatic)
    #expect(said("checkpoint not written") == 0)
    #expect(try run.store.list().map(\.step) == [12, 10])
    #expect(try run.store.newestVerified().checkpoint?.state?.step == 12)
    let removed = run.messages.all.filter { $0.hasPrefix("the disk is full: older checkpoints were removed") }
    #expect(removed.count == 3 && removed[0].hasSuffix("removed=\(run.checkpoint(2))"), "\(removed)")
  }

  @Test(arguments: ["async", "blocking"])
  func `the last checkpoint takes the place of all but the newest intact one`(mode: String) throws {
    let overrides = ["checkpoint.mode=\(mode)", "checkpoint.keep_last=3"]
    let (trainer, files) = try start(disk(holding: 2, overrides), overrides)
    let saver = try saver(files)
    for step in 1...2 {
      trainer.state.step = step
      try saver.save(trainer.state, isLast: false)
    }
    trainer.state.step = 3
    try saver.save(trainer.state, isLast: false)
    saver.finish()
    #expect(said("checkpoint not written") == 1)
    #expect(try run.store.list().map(\.step) == [2, 1])
    try run.damage(2)
    trainer.state.step = 4
    try saver.save(trainer.state, isLast: true)
    #expect(try run.store.list().map(\.step) == [4, 1])
    #expect(try run.store.newestVerified().checkpoint?.state?.step == 4)
  }

  @Test func `a run that stops for its losses lets rank 0 finish the checkpoint that it writes`() throws {
    let watched = WatchedDisk(isHolding: true)
    let (poisoned, files) = try start(.real)
    poisoned.model.parameters["lm_head.weight"].set(0, to: .infinity)
    _ = try files.write(poisoned.state)
    let config = try SmallRun.tokens(scratch, ["train.nonfinite_limit=3"])
    let wasWritten = Mutex<[Bool]>([])
    let (messages, run) = (run.messages, run)
    let release = Thread {
      while messages.all.count(where: { $0.hasPrefix("update skipped") }) < 3 { usleep(1000) }
      // Long enough for a rank that does not wait to be gone.
      usleep(200_000)
      watched.letGo()
    }
    release.start()
    let error = #expect(throws: TrainerError.self) {
      try ThreadGroup.run(size: 2) { group in
        defer {
          let isWritten = messages.all.contains { $0.hasPrefix("checkpoint written") }
          wasWritten.withLock { $0.append(isWritten) }
        }
        let trainer = try run.trainer(config, group: group)
        trainer.disk = watched.disk
        try trainer.run(.automatic)
      }
    }
    guard case .notFinite(step: 3, count: 3) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(wasWritten.withLock { $0 } == [true, true])
    #expect(try run.store.newestVerified().checkpoint?.state?.step == 2)
  }

  @Test func `checkpoints are due by the clock of rank 0 and by steps`() throws {
    let config = try SmallRun.tokens(scratch, ["checkpoint.interval=0", "checkpoint.interval_minutes=3"])
    let trainer = try run.trainer(config)
    // The clock is looked at when the run begins, before each step and at each checkpoint: a minute passes each time.
    var looks = 0.0
    let start = ContinuousClock.now
    trainer.now = {
      looks += 1
      return start + .seconds(60 * looks)
    }
    try trainer.run(.automatic)
    #expect(try RunDirectory(path: run.directory).checkpoints.list().map(\.step) == [8, 6, 3])
    let stalls = try run.lines().filter { $0["checkpoint_stall_seconds"]?.numberValue ?? 0 > 0 }
    #expect(stalls.map { $0["step"] } == [4, 7], "\(stalls)")
  }

  @Test func `a clock that is not looked at saves at the end alone`() throws {
    try run.train(SmallRun.tokens(scratch, ["checkpoint.interval=0", "checkpoint.interval_minutes=0"]))
    #expect(try RunDirectory(path: run.directory).checkpoints.list().map(\.step) == [8])
  }
}

/// Bytes of all files below a directory; 0 if there is none.
private func fileBytes(_ path: String) throws -> Int {
  let names = FileManager.default.enumerator(atPath: path)?.compactMap { $0 as? String } ?? []
  return names.reduce(0) { sum, name in
    let attributes = try? FileManager.default.attributesOfItem(atPath: path + "/" + name)
    guard attributes?[.type] as? FileAttributeType == .typeRegular else { return sum }
    return sum + (attributes?[.size] as? Int ?? 0)
  }
}
