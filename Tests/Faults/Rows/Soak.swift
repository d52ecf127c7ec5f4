import FaultSupport
import Foundation

/// Row 15: a long run with random kills: it loses nothing, and what it holds does not grow.
enum Soak {
  private static let steps = 2000

  static let checks = [
    FaultCheck(
      15, "kills", "\(steps) steps on 2 ranks with a kill about every 15 s, saving every 20 steps", fullCount: 60
    ) {
      bench in
      let whole = References(bench, steps: steps, ["checkpoint.interval=20", "checkpoint.keep_last=3"])
      return Attempts { index, random in
        let reference = try whole.run(ranks: 2)
        let run = RunFolder(path: try bench.directory("run"))
        let overrides = whole.overrides + Bench.checkpointModes[index % Bench.checkpointModes.count]
        let command = try bench.training(run: run.path, ranks: 2, overrides)
        var isOver = false
        while !isOver {
          let running = try command.start()
          isOver = try watch(running, for: .seconds(Int.random(in: 10...20, using: &random)))
          if !isOver, let victim = running.ranks.randomElement(using: &random) { kill(victim, SIGKILL) }
          let outcome = try running.wait()
          try expect(isOver == (outcome.code == 0), "ended with \(outcome.code): \(outcome.brief)")
        }
        try run.requireSame(as: reference, to: steps)
        try expect(run.names.count <= 4 + 1, "left over: \(run.names)")
      }
    }
  ]

  /// Looks at memory and open files of all ranks until the time is over or they have ended, which it returns.
  private static func watch(_ running: Running, for time: Duration) throws -> Bool {
    let end = ContinuousClock.now + time
    var samples: [Int32: [(bytes: Int, files: Int)]] = [:]
    while ContinuousClock.now < end {
      guard running.isRunning else { break }
      usleep(250_000)
      for rank in running.ranks {
        guard let bytes = ProcessTree.residentBytes(rank), let files = ProcessTree.openFileCount(rank) else { continue }
        samples[rank, default: []].append((bytes, files))
      }
    }
    for (rank, found) in samples where found.count >= 24 {
      // The first quarter is warming up; the middle is compared with the end.
      let (middle, late) = (found[found.count / 4..<found.count / 2], found[(found.count * 3 / 4)...])
      let (before, after) = (middle.map(\.bytes).max() ?? 0, late.map(\.bytes).min() ?? 0)
      try expect(after <= before + (2 << 20), "process \(rank) grew from \(before) to \(after) bytes")
      let files = (middle.map(\.files).max() ?? 0, late.map(\.files).min() ?? 0)
      try expect(files.1 <= files.0, "process \(rank) had \(files.0) open files, then \(files.1)")
    }
    return !running.isRunning
  }
}
