import FaultSupport
import Foundation

/// Row 8: a signal ends a run in good order, a second of the same kind at once, and nothing else cuts it off.
enum StopRequests {
  /// Who gets which signal.
  enum Kind: String, CaseIterable {
    case oneRankTerminate, oneRankUser, allRanksTerminate, allRanksUser, launcherUser, scriptTerminate, scriptInterrupt
    case duringSave
  }

  static let checks = [
    FaultCheck(8, "save", "TERM or USR1 to one rank, all, mpirun, launch/local, and during a save", fullCount: 160) {
      bench in
      Attempts { index, random in try stop(bench, Kind.allCases[index % Kind.allCases.count], index, &random) }
    },
    FaultCheck(8, "terminal", "INT, HUP, TERM or USR1 to a run without a launcher", fullCount: 40) { bench in
      Attempts { index, random in try stopAlone(bench, signals[index % signals.count], &random) }
    },
    FaultCheck(8, "twice", "two signals of a kind, 1 to 2 ranks: the second ends the run at once", fullCount: 40) {
      bench in
      Attempts { index, random in try stopTwice(bench, ranks: index % 2 == 0 ? nil : 2, &random) }
    },
    FaultCheck(
      8, "further", "TERM, USR1 or HUP after a signal of another kind, during the step or the save", fullCount: 40
    ) {
      bench in
      Attempts { index, random in try signalOn(bench, ranks: index % 2 == 0 ? nil : 2, &random) }
    },
    FaultCheck(8, "pipe", "output and error go to a pipe that is closed after some lines", fullCount: 30) { bench in
      Attempts { index, random in try closePipe(bench, index, &random) }
    },
  ]

  private static let endless = ["train.steps=1000000", "checkpoint.interval=0"]

  private static let signals = [SIGINT, SIGHUP, SIGTERM, SIGUSR1]

  private static func stopAlone(_ bench: Bench, _ signal: Int32, _ random: inout TestRandom) throws {
    let run = RunFolder(path: try bench.directory("run"))
    let running = try bench.training(run: run.path, endless).under("env", ["--default-signal=INT,HUP"]).start()
    let records = Int.random(in: 1...30, using: &random)
    try running.wait { run.recordCount >= records }
    running.send(signal)
    try requireSaved(run, try running.wait(atMost: .seconds(60)), "signal \(signal)")
  }

  private static func requireSaved(_ run: RunFolder, _ outcome: Outcome, _ what: String) throws {
    try expect(outcome.code == 0, "\(what): ended with \(outcome.code): \(outcome.brief)")
    let last = try require(run.records().last?["step"]?.integerValue, "no records")
    let saved = try run.requireNewest(atLeast: last)
    try expect(saved == last, "\(what): saved step \(saved), the last record is of step \(last)")
  }

  /// Steps of a second or so, and a save that `fsync` makes long: further signals come before it, within it, or after.
  private static func signalOn(_ bench: Bench, ranks: Int?, _ random: inout TestRandom) throws {
    let run = RunFolder(path: try bench.directory("run"))
    let overrides = endless + ["train.batch_size=400", "checkpoint.shard_bytes=4096"]
    let running = try bench.training(run: run.path, ranks: ranks, overrides).start()
    try running.wait { run.recordCount >= 1 && running.ranks.count == ranks ?? 1 }
    let all = running.ranks
    let victim = try require(all.randomElement(using: &random), "no rank")
    let first = signals[1 + Int.random(in: 0..<3, using: &random)]
    // A second one of the same kind would end the run.
    let others = signals.dropFirst().filter { $0 != first }
    kill(victim, first)
    let isDuringSave = Bool.random(using: &random)
    if isDuringSave { try running.wait { run.hasWorkInProgress } }
    for _ in 0..<Int.random(in: 1...4, using: &random) {
      kill(all.randomElement(using: &random) ?? 0, others.randomElement(using: &random) ?? SIGTERM)
      usleep(UInt32.random(in: 0...5000, using: &random))
    }
    try requireSaved(run, try running.wait(atMost: .seconds(120)), isDuringSave ? "during the save" : "during a step")
    try ProcessTree.requireGone(all)
  }

  private static func closePipe(_ bench: Bench, _ index: Int, _ random: inout TestRandom) throws {
    let run = RunFolder(path: try bench.directory("run"))
    let sets = ["train.steps=40", "checkpoint.interval=10"]
    let command =
      index % 2 == 0
      ? try bench.training(run: run.path, sets)
      : try Self.command(bench, .scriptTerminate, run, ranks: 2, sets)
    let code = bench.file("code")
    bench.remove(code)
    let lines = Int.random(in: 0...6, using: &random)
    let script = "(\"$@\"; echo $? >'\(code)') 2>&1 | head -n \(lines)"
    _ = try command.under("bash", ["-c", script, "bash"]).run()
    let found = String(decoding: FileManager.default.contents(atPath: code) ?? Data(), as: UTF8.self)
    try expect(found == "0\n", "closed after \(lines) lines: ended with \(found)")
    try expect(run.records().count == 40, "\(run.records().count) records")
    _ = try run.requireNewest(atLeast: 40)
  }

  private static func stop(_ bench: Bench, _ kind: Kind, _ index: Int, _ random: inout TestRandom) throws {
    let ranks = 2 + index / Kind.allCases.count % 2
    let run = RunFolder(path: try bench.directory("run"))
    let modes = Bench.checkpointModes
    let overrides = endless + modes[index / 2 % modes.count] + (kind == .duringSave ? ["checkpoint.interval=1"] : [])
    let running = try command(bench, kind, run, ranks: ranks, overrides).start()
    let records = Int.random(in: 3...20, using: &random)
    try running.wait {
      run.recordCount >= records && running.ranks.count == ranks && (kind != .duringSave || run.hasWorkInProgress)
    }
    let all = running.ranks
    switch kind {
    case .oneRankTerminate: kill(all.randomElement(using: &random) ?? 0, SIGTERM)
    case .oneRankUser, .duringSave: kill(all.randomElement(using: &random) ?? 0, SIGUSR1)
    case .allRanksTerminate: for rank in all { kill(rank, SIGTERM) }
    case .allRanksUser: for rank in all { kill(rank, SIGUSR1) }
    case .launcherUser: running.send(SIGUSR1)
    case .scriptTerminate: running.send(SIGTERM)
    case .scriptInterrupt: running.send(SIGINT)
    }
    let outcome = try running.wait(atMost: .seconds(60))
    try expect(outcome.code == 0, "\(kind): ended with \(outcome.code): \(outcome.brief)")
    let last = try require(run.records().last?["step"]?.integerValue, "no records")
    let saved = try run.requireNewest(atLeast: last)
    try expect(saved == last, "\(kind): saved step \(saved), the last record is of step \(last)")
    try ProcessTree.requireGone(all)
  }

  private static func command(
    _ bench: Bench, _ kind: Kind, _ run: RunFolder, ranks: Int, _ overrides: [String]
  ) throws -> Command {
    let direct = try bench.training(run: run.path, ranks: ranks, overrides)
    guard kind == .scriptTerminate || kind == .scriptInterrupt else { return direct }
    let sets = overrides.flatMap { ["--set", $0] }
    return Command(
      executable: Bench.root + "/launch/local",
      arguments: ["\(ranks)", bench.file("tiny.yaml"), "--run", run.path] + sets,
      bench: bench)
  }

  /// Steps of seconds, so that the second signal comes before the first one's step has ended.
  private static func stopTwice(_ bench: Bench, ranks: Int?, _ random: inout TestRandom) throws {
    let run = RunFolder(path: try bench.directory("run"))
    let early = ["train.steps=4", "train.batch_size=8192", "train.accumulation=8", "checkpoint.interval=1"]
    let running = try bench.training(run: run.path, ranks: ranks, early + ["train.steps=1000000"])
      .under("env", ["--default-signal=INT,HUP"]).start()
    try running.wait { (run.newestNamedStep ?? 0) >= 1 && !run.hasWorkInProgress }
    let all = running.ranks
    let victim = try require(all.randomElement(using: &random), "no rank")
    let committed = try require(run.newestNamedStep, "no checkpoint")
    let last = signals.randomElement(using: &random) ?? SIGINT
    kill(victim, last)
    // Nearer ones of a kind are one wish that came on two ways.
    usleep(300_000)
    while ProcessTree.hasPendingSignal(victim) { usleep(1000) }
    let start = ContinuousClock.now
    kill(victim, last)
    while ProcessTree.isAlive(victim) && ContinuousClock.now - start < .seconds(30) { usleep(1000) }
    let seconds = (ContinuousClock.now - start) / .seconds(1)
    let outcome = try running.wait(atMost: .seconds(60))
    try expect(outcome.code != 0, "ended with 0: the step was too short, or the second signal did nothing")
    try expect(ranks != nil || outcome.code == 128 + last, "ended with \(outcome.code), not \(128 + last)")
    try expect(seconds < 2, "the second signal took \(seconds) s")
    _ = try run.requireNewest(atLeast: committed)
    try ProcessTree.requireGone(all)
  }
}
