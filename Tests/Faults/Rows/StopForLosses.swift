import FaultSupport
import Foundation

/// Row 10, the end of a run whose losses are not finite: it waits for the checkpoint that rank 0 writes.
enum StopForLosses {
  /// Each step multiplies the weights by -9, until they overflow.
  private static let overrides = [
    "optimizer.learning_rate=10", "optimizer.weight_decay=1", "schedule.kind=constant", "schedule.warmup_steps=0",
    "train.nonfinite_limit=2", "train.steps=200", "checkpoint.mode=async",
  ]

  static let checks = [
    FaultCheck(
      10, "save", "2 ranks stop for losses that are not finite while rank 0 writes a checkpoint", fullCount: 20
    ) {
      bench in
      guard FileManager.default.isExecutableFile(atPath: "/usr/bin/strace") else { throw NotPossible("needs strace") }
      let first = try firstSkippedStep(bench)
      return Attempts { _, random in try stop(bench, first, &random) }
    }
  ]

  /// The first step whose update is skipped: the run ends with the next one.
  private static func firstSkippedStep(_ bench: Bench) throws -> Int {
    let run = RunFolder(path: try bench.directory("whole"))
    let outcome = try bench.training(run: run.path, overrides + ["checkpoint.interval=0"]).run()
    try expect(outcome.code == 1, "ended with \(outcome.code): \(outcome.brief)")
    return try require(run.records().last?["step"]?.integerValue, "no records") - 1
  }

  /// Every fsync of rank 0 takes a while, so that its checkpoint takes seconds.
  private static func stop(_ bench: Bench, _ step: Int, _ random: inout TestRandom) throws {
    let run = RunFolder(path: try bench.directory("run"))
    let direct = try bench.training(run: run.path, overrides + ["checkpoint.interval=\(step)"])
    let delay = Int.random(in: 150_000...400_000, using: &random)
    let script = """
      if [ "$OMPI_COMM_WORLD_RANK" = 0 ]; then
        exec strace -f -o /dev/null -e trace=fsync -e inject=fsync:delay_enter=\(delay) "$@"
      fi
      exec "$@"
      """
    let launch = ["mpirun", "--oversubscribe", "--bind-to", "none", "-np", "2", "sh", "-c", script, "sh"]
    let command = Command(
      executable: "/usr/bin/env", arguments: launch + [direct.executable] + direct.arguments, bench: bench)
    let outcome = try command.run()
    try expect(outcome.code == 1, "ended with \(outcome.code): \(outcome.brief)")
    try expect(outcome.errors.contains("steps in a row without a finite loss"), "not said: \(outcome.brief)")
    let saved = try run.requireNewest(atLeast: 1)
    try expect(saved == step && !run.hasWorkInProgress, "saved step \(saved) of \(step): \(run.names)")
  }
}
