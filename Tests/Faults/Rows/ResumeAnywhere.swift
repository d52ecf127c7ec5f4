import FaultSupport
import Foundation

/// Row 3: a run goes on from any of its steps, three times in a row, to the bit.
enum ResumeAnywhere {
  private static let lastStep = 55

  /// How ranks share the work, in turns.
  private static let sharing = [
    [], ["parallel.shard_optimizer=true"], ["parallel.overlap=on", "parallel.bucket_bytes=16384"],
    ["parallel.wire=bfloat16"],
  ]

  static let checks = [1, 2, 4].map { ranks in
    FaultCheck(
      3, ranks == 1 ? "alone" : "ranks\(ranks)", "three resumes in a row, the first from each step 1…50, \(ranks) ranks"
    ) {
      bench in
      let cases = ["uniform", "cycle"].flatMap { schedule in (1...50).map { (schedule, $0) } }
      let overrides = ["checkpoint.interval=1", "checkpoint.keep_last=100"] + Bench.blocking
      let whole = References(bench, steps: lastStep, overrides)
      return Attempts(caseCount: cases.count) { index, random in
        let (schedule, step) = cases[index]
        let choice = ["train.chunk_schedule=\(schedule)"] + (ranks == 1 ? [] : sharing[step % sharing.count])
        let reference = try whole.run(ranks: ranks == 1 ? nil : ranks, choice)
        var (from, at) = (reference, step)
        for turn in 1...3 {
          let run = RunFolder(path: try bench.directory("turn-\(turn)"))
          let resume = ["--resume", from.checkpoint(at)]
          // In the background not every step is saved, and the next resume needs the one that it begins with.
          let mode = turn == 3 ? Bench.checkpointModes[index % Bench.checkpointModes.count] : []
          try bench.training(
            run: run.path, ranks: ranks == 1 ? nil : ranks, whole.overrides + choice + mode, more: resume
          ).succeed()
          try run.requireSame(as: reference, from: at + 1, to: lastStep)
          (from, at) = (run, Int.random(in: at + 1...lastStep - (3 - turn) - 1, using: &random))
        }
      }
    }
  }
}
