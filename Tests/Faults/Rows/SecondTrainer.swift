import FaultSupport
import Foundation

/// Row 13: a run directory belongs to one trainer at a time, and is free again when that one is killed.
enum SecondTrainer {
  static let checks = [
    FaultCheck(13, "lock", "a second trainer on the same run directory; then the first is killed", fullCount: 60) {
      bench in
      Attempts { index, random in
        let ranks = index % 3 == 2 ? 2 : nil
        let run = RunFolder(path: try bench.directory("run"))
        let endless = try bench.training(run: run.path, ["train.steps=1000000", "checkpoint.interval=5"])
        let first = try endless.start()
        let records = Int.random(in: 1...30, using: &random)
        try first.wait { run.recordCount >= records }
        let second = try bench.training(run: run.path, ranks: ranks, ["train.steps=1000000"]).run(atMost: .seconds(60))
        try expect(second.code == 2, "the second ended with \(second.code): \(second.brief)")
        try expect(second.errors.contains("the run directory is in use"), "not said: \(second.brief)")
        try expect(first.isRunning, "the first ended")
        first.send(SIGKILL)
        _ = try first.wait()
        let step = (run.newestNamedStep ?? 0) + 5
        try bench.training(run: run.path, ["train.steps=\(step)", "checkpoint.interval=5"]).succeed()
        _ = try run.requireNewest(atLeast: step)
      }
    }
  ]
}
