import FaultSupport
import Foundation

/// Row 9: a rank is gone, and the others do not wait for it for ever.
enum LostRank {
  static let checks = [
    FaultCheck(9, "dies", "SIGKILL of one of 2 or 3 ranks under mpirun", fullCount: 40) { bench in
      Attempts { index, random in
        let (running, ranks, place) = try pick(bench, 2 + index % 2, [], &random)
        kill(ranks[place], SIGKILL)
        try requireEnd(running, ranks, place, within: .seconds(30))
      }
    },
    FaultCheck(9, "stops", "SIGSTOP of one of 2 or 3 ranks under mpirun, parallel.timeout 5 s", fullCount: 40) {
      bench in
      guard Bench.accepts("parallel.timeout=5") else {
        throw NotPossible("this build has no failure detector (parallel.timeout)")
      }
      return Attempts { index, random in
        let (running, ranks, place) = try pick(bench, 2 + index % 2, ["parallel.timeout=5"], &random)
        kill(ranks[place], SIGSTOP)
        defer { kill(ranks[place], SIGKILL) }
        try requireEnd(running, ranks, place, within: .seconds(30))
      }
    },
    FaultCheck(9, "link", "the link between two hosts (network namespaces) is cut, parallel.timeout 6 s", fullCount: 20)
    {
      bench in
      guard getuid() == 0, Bench.accepts("parallel.timeout=6"), access(Bench.root + "/launch/two-hosts", X_OK) == 0
      else { throw NotPossible("needs root, a failure detector (parallel.timeout) and launch/two-hosts") }
      return Attempts { _, random in try cutLink(bench, &random) }
    },
  ]

  /// Two hosts lose each other: both sides end, and the same command goes on.
  private static func cutLink(_ bench: Bench, _ random: inout TestRandom) throws {
    try bench.fill()
    let run = RunFolder(path: try bench.directory("run"))
    func command(_ steps: Int) -> Command {
      let sets = ["train.steps=\(steps)", "checkpoint.interval=10", "parallel.timeout=6"].flatMap { ["--set", $0] }
      return Command(
        executable: Bench.root + "/launch/two-hosts", arguments: [bench.file("tiny.yaml"), "--run", run.path] + sets,
        bench: bench)
    }
    let running = try command(1_000_000).start()
    let records = Int.random(in: 20...60, using: &random)
    try running.wait { run.recordCount >= records }
    let ranks = running.ranks
    try System.run("ip", ["-n", "catlm-\(running.processIdentifier)-b", "link", "set", "link0", "down"])
    let outcome = try running.wait(atMost: .seconds(60))
    try expect(outcome.code != 0, "ended with 0")
    try expect(
      outcome.errors.contains("rank 1") || outcome.errors.contains("rank 0"), "no rank is named: \(outcome.brief)")
    try ProcessTree.requireGone(ranks)
    let committed = try run.requireNewest(atLeast: 1)
    try command(committed + 5).succeed()
  }

  /// A run that is under way, its ranks' processes, and which of them is to be hit.
  private static func pick(
    _ bench: Bench, _ rankCount: Int, _ more: [String], _ random: inout TestRandom
  ) throws -> (running: Running, ranks: [Int32], place: Int) {
    let run = RunFolder(path: try bench.directory("run"))
    let overrides = ["train.steps=1000000", "checkpoint.interval=10"] + more
    let running = try bench.training(run: run.path, ranks: rankCount, overrides).start()
    let records = Int.random(in: 5...40, using: &random)
    try running.wait { run.recordCount >= records && running.ranks.count == rankCount }
    return (running, running.ranks, Int.random(in: 0..<rankCount, using: &random))
  }

  private static func requireEnd(
    _ running: Running, _ ranks: [Int32], _ place: Int, within limit: Duration
  ) throws {
    let outcome = try running.wait(atMost: limit)
    try expect(outcome.code != 0, "ended with 0")
    let words = outcome.errors + outcome.output
    try expect(words.contains("rank \(place)"), "rank \(place) is not named: \(words.suffix(800))")
    try ProcessTree.requireGone(ranks)
  }
}
