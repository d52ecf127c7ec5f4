import ArgumentParser
import Checkpoints
import FaultSupport
import Foundation

/// Row 1: rank 0 is killed while it saves.
enum KillInSave {
  static let checks = [
    FaultCheck(1, "instant", "SIGKILL at a random instant inside a save of a real run", fullCount: 500) { bench in
      Attempts { index, random in try killOnce(bench, ranks: nil, index, &random) }
    },
    FaultCheck(1, "mpirun", "the same to rank 0 of two under mpirun", fullCount: 50) { bench in
      Attempts { index, random in try killOnce(bench, ranks: 2, index, &random) }
    },
    FaultCheck(1, "step", "SIGKILL before each change of the disk that a save, a replacement or pruning makes") {
      bench in
      let cases = try SaveScenario.allCases.flatMap { scenario in
        (0..<(try scenario.changeCount())).map { (scenario, $0) }
      }
      return Attempts(caseCount: cases.count) { index, _ in
        let (scenario, limit) = cases[index]
        try dieAtChange(bench, scenario, limit)
      }
    },
  ]

  /// Starts a run that does little but save, kills it inside a save, and goes on with the same command.
  private static func killOnce(
    _ bench: Bench, ranks: Int?, _ index: Int, _ random: inout TestRandom
  ) throws {
    let run = RunFolder(path: try bench.directory("run"))
    let modes = Bench.checkpointModes
    let saving = ["checkpoint.interval=1", "checkpoint.keep_last=2"] + modes[index % modes.count]
    // A kill between two saves does not count, and is made again.
    for _ in 0..<50 {
      bench.remove(run.path)
      let running = try bench.training(run: run.path, ranks: ranks, saving + ["train.steps=1000000"]).start()
      let wanted = Int.random(in: 1...8, using: &random)
      try running.wait { (run.newestNamedStep ?? 0) >= wanted && run.hasWorkInProgress }
      usleep(UInt32.random(in: 0..<12_000, using: &random))
      let committed = try require(run.newestNamedStep, "no checkpoint though one was seen")
      if let rank = ranks == nil ? running.processIdentifier : running.ranks.first { kill(rank, SIGKILL) }
      let outcome = try running.wait()
      try expect(outcome.code != 0, "ended with 0 though killed")
      guard run.hasWorkInProgress else { continue }
      let step = try run.requireNewest(atLeast: committed)
      let more = saving + ["train.steps=\(step + 2)"]
      let resumed = try bench.training(run: run.path, ranks: ranks, more).succeed()
      try expect(resumed.errors.contains("resuming"), "did not resume: \(resumed.brief)")
      _ = try run.requireNewest(atLeast: step + 2)
      try expect(!run.hasWorkInProgress, "left over: \(run.names)")
      return
    }
    throw Unexpected("no kill of 50 fell into a save")
  }

  /// A process of its own makes a save and kills itself right before one of its changes of the disk.
  private static func dieAtChange(_ bench: Bench, _ scenario: SaveScenario, _ limit: Int) throws {
    let run = try bench.directory("run")
    try scenario.prepare(run)
    let process = Process()
    process.executableURL = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath()
    process.arguments = ["write-and-die", run, scenario.rawValue, "\(limit)"]
    try process.run()
    process.waitUntilExit()
    try expect(
      process.terminationReason == .uncaughtSignal && process.terminationStatus == SIGKILL,
      "\(scenario) did not die at change \(limit) but ended with \(process.terminationStatus)")
    try SaveOutcome(scenario: scenario, run: run).check("killed before change \(limit)")
  }
}

/// What must hold after a save that did not come to its end.
struct SaveOutcome {
  let scenario: SaveScenario
  let run: String

  /// The last committed checkpoint or a newer one is found, and the next save works and tidies up.
  func check(_ what: String) throws {
    let folder = RunFolder(path: run)
    let newest = try folder.store.newestVerified()
    try expect(newest.passedOver.isEmpty, "\(scenario), \(what): broken \(newest.passedOver.map(\.reason))")
    if scenario != .first || newest.checkpoint != nil {
      let step = try require(newest.checkpoint?.state?.step, "\(scenario), \(what): no checkpoint")
      try expect(scenario.allowedSteps.contains(step), "\(scenario), \(what): step \(step)")
    }
    let next = SampleCheckpoint(step: 40)
    try next.write(to: run)
    let found = try require(
      try folder.store.newestVerified().checkpoint, "\(scenario), \(what): the next save is not found")
    try expect(try next.equals(found), "\(scenario), \(what): the next save is not what was written")
    try expect(!folder.hasWorkInProgress, "\(scenario), \(what): left over \(folder.names)")
  }
}

/// Makes a save and ends itself by SIGKILL right before one change of the disk.
struct WriteAndDie: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "write-and-die", abstract: "Makes a save and kills itself in it.", shouldDisplay: false)

  @Argument var directory: String
  @Argument var scenario: String
  @Argument var limit: Int

  func run() throws {
    guard let scenario = SaveScenario(rawValue: scenario) else { throw ValidationError("no scenario \(scenario)") }
    let (log, limit) = (DiskLog(), limit)
    try scenario.perform(
      directory,
      Disk { change in
        if log.note(change) == limit { kill(getpid(), SIGKILL) }
        return nil
      })
  }
}
