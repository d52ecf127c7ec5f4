import FaultSupport
import Foundation

/// Row 7, the kernel's own errors: a file system that is full, read only, forbidden or breaks.
enum RealDisk {
  static let checks = [
    FaultCheck(7, "full", "training on a file system (tmpfs) that fills up, at any size", fullCount: 80) { bench in
      try requireRoot()
      let reference = try FailingDisk.uninterrupted(bench)
      return Attempts { index, random in try fillUp(bench, reference, index, &random) }
    },
    FaultCheck(7, "read-only", "the checkpoints' directory becomes read only during training", fullCount: 40) { bench in
      try requireRoot()
      return Attempts { index, random in try makeReadOnly(bench, index, &random) }
    },
    FaultCheck(7, "denied", "the checkpoints' directory may not be written by the program's user", fullCount: 40) {
      bench in
      try requireRoot()
      return Attempts { index, random in try deny(bench, index, &random) }
    },
    FaultCheck(7, "io", "EIO of the kernel: the device under ext4 goes away during training", fullCount: 40) {
      bench in
      try requireRoot()
      return Attempts { index, random in try breakDevice(bench, index, &random) }
    },
  ]

  private static func requireRoot() throws {
    guard getuid() == 0 else { throw NotPossible("needs root, to mount file systems") }
  }

  /// What the program is to do: how it writes checkpoints, and whether it stops when one cannot be written.
  private static func choice(_ index: Int) -> [String] {
    let actions = Bench.accepts("checkpoint.on_failure=stop") ? [["checkpoint.on_failure=stop"], []] : [[]]
    return FailingDisk.overrides + Bench.checkpointModes[index % Bench.checkpointModes.count]
      + actions[index / 2 % actions.count]
  }

  /// The run must say what the kernel said; what is committed must verify; with the fault gone it must end well.
  private static func requireMessage(_ outcome: Outcome, _ code: Int32, _ run: RunFolder) throws {
    let words = String(cString: strerror(code))
    try expect([0, 1, 2].contains(outcome.code), "ended with \(outcome.code): \(outcome.brief)")
    try expect(outcome.errors.contains(words), "“\(words)” is not said: code \(outcome.code), \(outcome.brief)")
    try expect(!outcome.errors.contains("Fatal error"), outcome.brief)
    for listing in try run.store.list() {
      let newest = try run.store.newestVerified()
      try expect(newest.passedOver.isEmpty, "\(listing.path): broken \(newest.passedOver.map(\.reason))")
    }
  }

  private static func fillUp(
    _ bench: Bench, _ reference: RunFolder, _ index: Int, _ random: inout TestRandom
  ) throws {
    let place = try bench.directory("disk")
    // From no room for the first checkpoint to room for two of the three that are there while one is written.
    let size = Int.random(in: 8...220, using: &random) * 4096
    let mount = try Mount(["-t", "tmpfs", "-o", "size=\(size)", "tmpfs"], at: place)
    let run = RunFolder(path: place + "/run")
    let outcome = try bench.training(run: run.path, choice(index)).run()
    if outcome.code != 0 || !outcome.errors.isEmpty { try requireFull(outcome, run, size) }
    try mount.change(["-o", "remount,size=64m"])
    try bench.training(run: run.path, choice(index)).succeed()
    try run.requireSame(as: reference, to: 12)
  }

  private static func requireFull(_ outcome: Outcome, _ run: RunFolder, _ size: Int) throws {
    let fits = outcome.code == 0 && run.newestNamedStep == 12
    if fits && !outcome.errors.contains(String(cString: strerror(ENOSPC))) { return }
    do {
      try requireMessage(outcome, ENOSPC, run)
    } catch {
      throw Unexpected("\(size) bytes: \(error)")
    }
  }

  private static func makeReadOnly(_ bench: Bench, _ index: Int, _ random: inout TestRandom) throws {
    let run = RunFolder(path: try bench.directory("run"))
    let checkpoints = run.path + "/checkpoints"
    try FileManager.default.createDirectory(atPath: checkpoints, withIntermediateDirectories: false)
    let mount = try Mount(["--bind", checkpoints], at: checkpoints)
    // Until a checkpoint of this step is there, the directory can be written.
    let step = 2 * Int.random(in: 1...3, using: &random)
    let slow = choice(index) + ["train.steps=1000000"]
    let running = try bench.training(run: run.path, slow).start()
    try running.wait { (run.newestNamedStep ?? 0) >= step }
    try mount.change(["-o", "remount,bind,ro"])
    let stopped = try endOrStop(running, stops: stops(index))
    try requireMessage(stopped, EROFS, run)
    let committed = try run.requireNewest(atLeast: step)
    try mount.change(["-o", "remount,bind,rw"])
    let outcome = try bench.training(run: run.path, choice(index) + ["train.steps=\(committed + 4)"]).succeed()
    try expect(outcome.errors.contains("resuming"), outcome.brief)
    _ = try run.requireNewest(atLeast: committed + 4)
  }

  /// A run that is to stop ends by itself; one that is to go on does, and is stopped after a while.
  private static func endOrStop(_ running: Running, stops: Bool) throws -> Outcome {
    let end = ContinuousClock.now + .seconds(stops ? 30 : 3)
    while running.isRunning && ContinuousClock.now < end { usleep(10_000) }
    try expect(
      running.isRunning != stops, stops ? "did not stop" : "did not go on: \(running.text("errors").suffix(600))")
    running.send(SIGTERM)
    return try running.wait()
  }

  /// Whether the choice is to stop at a checkpoint that cannot be written. Builds that cannot go on always do.
  private static func stops(_ index: Int) -> Bool {
    choice(index).contains("checkpoint.on_failure=stop") || !Bench.accepts("checkpoint.on_failure=stop")
  }

  private static func deny(_ bench: Bench, _ index: Int, _ random: inout TestRandom) throws {
    let run = RunFolder(path: try bench.directory("run"))
    let nobody = 65534
    let parents = sequence(first: run.path) {
      $0.count > 8 ? String($0[..<($0.lastIndex(of: "/") ?? $0.startIndex)]) : nil
    }
    for parent in parents where !parent.isEmpty { chmod(parent, 0o755) }
    chown(run.path, uid_t(nobody), gid_t(nobody))
    let options = ["--reuid=\(nobody)", "--regid=\(nobody)", "--clear-groups"]
    let step = 2 * Int.random(in: 1...3, using: &random)
    let endless = try bench.training(run: run.path, choice(index) + ["train.steps=1000000"])
    let running = try endless.under("setpriv", options).start()
    try running.wait { (run.newestNamedStep ?? 0) >= step }
    chmod(run.path + "/checkpoints", 0o555)
    let outcome = try endOrStop(running, stops: stops(index))
    try requireMessage(outcome, EACCES, run)
    let committed = try run.requireNewest(atLeast: step)
    chmod(run.path + "/checkpoints", 0o755)
    let again = try bench.training(run: run.path, choice(index) + ["train.steps=\(committed + 4)"])
    try again.under("setpriv", options).succeed()
    _ = try run.requireNewest(atLeast: committed + 4)
  }

  /// The run stands still while its disk breaks, so that what was committed by then is known.
  private static func breakDevice(_ bench: Bench, _ index: Int, _ random: inout TestRandom) throws {
    let image = try bench.directory("image") + "/ext4"
    let disk = try BreakingDisk(image: image, at: try bench.directory("disk"))
    let run = RunFolder(path: disk.place + "/run")
    let step = 2 * Int.random(in: 1...3, using: &random)
    let running = try bench.training(run: run.path, choice(index) + ["train.steps=1000000"]).start()
    try running.wait { (run.newestNamedStep ?? 0) >= step }
    running.send(SIGSTOP)
    defer { running.send(SIGCONT) }
    let committed = try require(run.newestNamedStep, "no checkpoint")
    try disk.breakDown()
    running.send(SIGCONT)
    let outcome = try endOrStop(running, stops: stops(index))
    try expect([1, 2].contains(outcome.code), "ended with \(outcome.code): \(outcome.brief)")
    // Where ext4 cannot read what it needs for a change, some kernels call it a lack of memory.
    let words = [EIO, ENOMEM, EROFS].map { String(cString: strerror($0)) }
    try expect(words.contains { outcome.errors.contains($0) }, "the fault is not named: \(outcome.brief)")
    try disk.mend()
    let found = try run.requireNewest(atLeast: committed)
    try bench.training(run: run.path, choice(index) + ["train.steps=\(found + 4)"]).succeed()
    _ = try run.requireNewest(atLeast: found + 4)
  }
}
