import FaultSupport
import Foundation

/// Row 2: any rank is killed at any instant; the same command again ends as if nothing had been.
enum KillInTraining {
  static let checks = [
    FaultCheck(2, "rank", "SIGKILL of any of 2 or 3 ranks at a random instant, the same command again", fullCount: 200)
    {
      bench in
      let whole = References(bench, steps: 60, ["checkpoint.interval=5"])
      return Attempts { index, random in
        let ranks = 2 + index % 2
        let sharing = index / 4 % 2 == 0 ? [] : ["parallel.shard_optimizer=true", "parallel.overlap=on"]
        let reference = try whole.run(ranks: ranks, sharing)
        let overrides = whole.overrides + Bench.checkpointModes[index / 2 % Bench.checkpointModes.count] + sharing
        let run = RunFolder(path: try bench.directory("run"))
        let command = try bench.training(run: run.path, ranks: ranks, overrides)
        try killOnce(command, run, &random)
        try command.succeed()
        try run.requireSame(as: reference, to: whole.steps)
      }
    }
  ]

  /// Kills one rank somewhere between the start and the last steps.
  private static func killOnce(_ command: Command, _ run: RunFolder, _ random: inout TestRandom) throws {
    let running = try command.start()
    let records = Int.random(in: 0..<55, using: &random)
    try running.wait { run.recordCount >= records && !running.ranks.isEmpty }
    usleep(UInt32.random(in: 0..<(records == 0 ? 500_000 : 10_000), using: &random))
    let victim = running.ranks.randomElement(using: &random)
    if let victim { kill(victim, SIGKILL) }
    let outcome = try running.wait()
    // A kill that came too late is no failure of the program's: the second start says that the run is finished.
    try expect(outcome.code != 0 || run.recordCount >= 60, "ended with 0 though rank \(victim ?? 0) was killed")
  }
}

/// Uninterrupted runs to compare with, each made when it is first wanted.
final class References {
  let steps: Int
  let overrides: [String]
  private let bench: Bench
  private var made: [String: RunFolder] = [:]

  init(_ bench: Bench, steps: Int, _ overrides: [String]) {
    self.bench = bench
    self.steps = steps
    self.overrides = ["train.steps=\(steps)"] + overrides
  }

  /// - Parameters:
  ///   - ranks: processes under mpirun; nil for one without it.
  ///   - more: overrides beside those that all have.
  func run(ranks: Int?, _ more: [String] = []) throws -> RunFolder {
    let name = "whole-\(ranks ?? 1)-\(more.joined(separator: "-"))"
    if let folder = made[name] { return folder }
    let folder = RunFolder(path: try bench.directory(name))
    try bench.training(run: folder.path, ranks: ranks, overrides + more).succeed()
    made[name] = folder
    return folder
  }
}
