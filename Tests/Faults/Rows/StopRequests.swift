import FaultSupport
import Foundation

/// Row 8: signals end a run in good order; the second one at once.
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
    FaultCheck(8, "twice", "two signals, 1 to 2 ranks: the second ends the run at once", fullCount: 60) { bench in
      Attempts { index, random in try stopTwice(bench, ranks: index % 2 == 0 ? nil : 2, &random) }
    },
  ]

  private static let endless = ["train.steps=1000000", "checkpoint.interval=0"]

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
    let early = ["train.steps=4", "train.batch_size=3072", "checkpoint.interval=1"]
    let running = try bench.training(run: run.path, ranks: ranks, early + ["train.steps=1000000"]).start()
    try running.wait { (run.newestNamedStep ?? 0) >= 1 && !run.hasWorkInProgress }
    let all = running.ranks
    let victim = try require(all.randomElement(using: &random), "no rank")
    let committed = try require(run.newestNamedStep, "no checkpoint")
    let signals = [SIGTERM, SIGUSR1]
    kill(victim, signals.randomElement(using: &random) ?? SIGTERM)
    usleep(20_000)
    while ProcessTree.hasPendingSignal(victim) { usleep(1000) }
    let last = signals.randomElement(using: &random) ?? SIGTERM
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
