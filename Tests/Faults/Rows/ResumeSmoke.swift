import FaultSupport
import Foundation

/// Row 3 on the run file that people start with: stopped by a signal, the same command goes on to the bit.
enum ResumeSmoke {
  private static let steps = 24

  /// Ranks, chunk schedule, and how ranks share the work.
  private struct Case {
    let ranks: Int
    let overrides: [String]
  }

  private static var cases: [Case] {
    let sharing = [
      [], ["parallel.shard_optimizer=true"], ["parallel.overlap=on"], ["parallel.wire=bfloat16"],
      ["parallel.shard_optimizer=true", "parallel.overlap=on", "parallel.wire=bfloat16"],
    ]
    return [1, 2, 4].flatMap { ranks in
      ["uniform", "cycle"].flatMap { schedule in
        (ranks == 1 ? [[]] : sharing).map {
          Case(ranks: ranks, overrides: ["train.chunk_schedule=\(schedule)"] + $0)
        }
      }
    }
  }

  static let checks = [
    FaultCheck(3, "smoke", "configs/smoke.yaml on 1, 2 and 4 ranks stopped by a signal, the same command again") {
      bench in
      let cases = cases
      return Attempts(caseCount: cases.count) { index, random in
        let whole = RunFolder(path: try bench.directory("whole"))
        try training(bench, whole, cases[index]).succeed()
        let run = RunFolder(path: try bench.directory("stopped"))
        let command = try training(bench, run, cases[index])
        let running = try command.start()
        let records = Int.random(in: 1...steps - 8, using: &random)
        try running.wait { run.recordCount >= records }
        running.send(SIGUSR1)
        let outcome = try running.wait()
        try expect(outcome.code == 0, "ended with \(outcome.code): \(outcome.brief)")
        let stopped = try run.requireNewest(atLeast: records)
        try expect(stopped < steps, "the signal came too late: step \(stopped)")
        try command.succeed()
        try run.requireSame(as: whole, to: steps)
      }
    }
  ]

  private static func training(_ bench: Bench, _ run: RunFolder, _ choice: Case) throws -> Command {
    try bench.fill()
    let overrides =
      choice.overrides + [
        "train.steps=\(steps)", "data.train=\(bench.file("data"))", "data.validation=\(bench.file("data"))",
        "data.validation_samples=4", "parallel.threads=1",
      ]
    return bench.command(
      ["train", Bench.root + "/configs/smoke.yaml", "--run", run.path] + overrides.flatMap { ["--set", $0] },
      ranks: choice.ranks == 1 ? nil : choice.ranks)
  }
}
