import FaultSupport
import Foundation

/// Row 15: a long run with random kills: it loses nothing, and what it holds does not grow.
enum Soak {
  /// A constant rate, so that a run's steps do not depend on how many there are to be.
  private static let overrides = ["schedule.kind=constant", "checkpoint.interval=20", "checkpoint.keep_last=3"]

  static let checks = [
    FaultCheck(
      15, "kills", "the steps of 15 s on 2 ranks, one of them killed every 5 to 9 s, saving every 20 steps",
      fullCount: 60
    ) { bench in
      let (reference, steps) = try uninterrupted(bench, .seconds(15))
      return Attempts { index, random in
        let run = RunFolder(path: try bench.directory("run"))
        let modes = Bench.checkpointModes
        let choice = overrides + modes[index % modes.count] + ["train.steps=\(steps)"]
        try killUntilOver(try bench.training(run: run.path, ranks: 2, choice), &random)
        try run.requireSame(as: reference, to: steps)
        // Three checkpoints, the name of the latest, and the one that was about to be pruned when a kill came.
        try expect(run.names.count <= 5, "left over: \(run.names)")
      }
    },
    FaultCheck(
      15, "growth", "2 ranks that save every 20 steps, watched for 20 s, then each time twice as long", fullCount: 6
    ) { bench in
      Attempts { index, _ in
        let run = try bench.directory("run")
        let modes = Bench.checkpointModes
        let choice = overrides + modes[index % modes.count] + ["train.steps=1000000000"]
        let running = try bench.training(run: run, ranks: 2, choice).start()
        try expect(try !watch(running, for: .seconds(20 << index)), "ended: \(running.text("errors").suffix(600))")
        running.send(SIGUSR1)
        let outcome = try running.wait()
        try expect(outcome.code == 0, "ended with \(outcome.code): \(outcome.brief)")
      }
    },
  ]

  /// A run that is asked to stop after `time`, and its steps by then.
  private static func uninterrupted(_ bench: Bench, _ time: Duration) throws -> (run: RunFolder, steps: Int) {
    let run = RunFolder(path: try bench.directory("whole"))
    let endless = try bench.training(run: run.path, ranks: 2, overrides + ["train.steps=1000000000"])
    let running = try endless.start()
    _ = try watch(running, for: time)
    running.send(SIGUSR1)
    let outcome = try running.wait()
    try expect(outcome.code == 0, "ended with \(outcome.code): \(outcome.brief)")
    return (run, try run.requireNewest(atLeast: 1))
  }

  /// Starts the command again and again, killing one rank after some time, until it has come to its end.
  private static func killUntilOver(_ command: Command, _ random: inout TestRandom) throws {
    while true {
      let running = try command.start()
      let isOver = try watch(running, for: .milliseconds(Int.random(in: 5000...9000, using: &random)))
      let victim = isOver ? nil : running.ranks.randomElement(using: &random)
      if let victim { kill(victim, SIGKILL) }
      let outcome = try running.wait()
      if outcome.code == 0 { return }
      try expect(victim != nil, "ended with \(outcome.code): \(outcome.brief)")
    }
  }

  /// Looks at memory and open files of all ranks until the time is over or they have ended, which it returns.
  private static func watch(_ running: Running, for time: Duration) throws -> Bool {
    let end = ContinuousClock.now + time
    var samples: [Int32: [(bytes: Int, files: Int)]] = [:]
    while ContinuousClock.now < end, running.isRunning {
      usleep(250_000)
      for rank in running.ranks {
        guard let bytes = ProcessTree.residentBytes(rank), let files = ProcessTree.openFileCount(rank) else { continue }
        samples[rank, default: []].append((bytes, files))
      }
    }
    for (rank, found) in samples where found.count >= 24 { try requireNoGrowth(rank, found) }
    return !running.isRunning
  }

  /// Compares the second quarter of what was seen with the last; the first is warming up.
  private static func requireNoGrowth(_ rank: Int32, _ found: [(bytes: Int, files: Int)]) throws {
    let (middle, late) = (found[found.count / 4..<found.count / 2], found[(found.count * 3 / 4)...])
    let bytes = (before: middle.map(\.bytes).max() ?? 0, after: late.map(\.bytes).min() ?? 0)
    try expect(
      bytes.after <= bytes.before + (2 << 20), "process \(rank) grew from \(bytes.before) to \(bytes.after) bytes")
    let files = (before: middle.map(\.files).max() ?? 0, after: late.map(\.files).min() ?? 0)
    try expect(files.after <= files.before, "process \(rank) had \(files.before) open files, then \(files.after)")
  }
}
