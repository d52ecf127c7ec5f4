package import Parallel
package import TensorCore
package import Training

/// One round: steps of all ranks together, then the same of each rank for itself at the same time.
package struct ScalingRound: Hashable, Sendable {
  /// Tokens a second of all ranks together.
  package let together: Double
  /// Sum of the rates of ranks that do not wait for each other.
  package let apart: Double
  /// What ranks apart would make if all took as long as the slowest of them, as ranks of one step must.
  package let apartAtSlowestPace: Double
  /// Share of a step together in which a rank waited for others, the mean over the ranks.
  package let exposedShare: Double

  /// Of 1.
  package var efficiency: Double { together / apart }
}

/// Times training steps of ranks together against ranks apart, turn by turn in the same processes: what slows the
/// machine down for a while slows both.
package struct ScalingBenchmark {
  private let workload: TrainWorkload
  private let group: any ProcessGroup
  private let together: TrainBenchmark
  private let apart: TrainBenchmark

  /// All ranks make theirs together.
  package init(
    _ workload: TrainWorkload, group: any ProcessGroup, settings: ParallelConfig, isOverlapped: Bool,
    backend: any Backend
  ) throws {
    self.workload = workload
    self.group = group
    together = try TrainBenchmark(
      workload, group: group, settings: settings, isOverlapped: isOverlapped, backend: backend)
    apart = try together.alone(workload)
  }

  /// Steps of each kind that are not measured. All ranks call it.
  package func warmUp(steps: Int) throws {
    for index in 0..<steps {
      try together.step(index)
      try apart.step(index)
    }
  }

  /// `steps` steps of each kind. All ranks call it and get the same.
  ///
  /// - Parameter startsApart: which kind comes first.
  package func round(steps: Int, startsApart: Bool) throws -> ScalingRound {
    let order = startsApart ? [apart, together] : [together, apart]
    var times: [TrainMeasurement] = []
    for kind in order { times.append(try kind.run(warmup: 0, steps: steps, startingWith: group)) }
    let (shared, own) = startsApart ? (times[1], times[0]) : (times[0], times[1])
    let tokens = Double(workload.tokenCount * steps)
    var sums = [tokens / own.stepSeconds.sum, shared.exposedSeconds.sum / shared.stepSeconds.sum]
    try group.allReduce(.sum, &sums)
    let ranks = Double(group.size)
    return ScalingRound(
      together: ranks * tokens / (try group.allReduce(.max, shared.stepSeconds.sum)), apart: sums[0],
      apartAtSlowestPace: ranks * tokens / (try group.allReduce(.max, own.stepSeconds.sum)),
      exposedShare: sums[1] / ranks)
  }

  /// Gives back what MPI holds for it. All ranks call it.
  package func finish() throws(ParallelError) {
    try together.finish()
    try apart.finish()
  }
}

extension [Double] {
  fileprivate var sum: Double { reduce(0, +) }
}

/// A way to use a machine's cores: some ranks of some threads each.
package struct RankSplit: Hashable, Sendable {
  package let rankCount: Int
  package let threadCount: Int

  package init(rankCount: Int, threadCount: Int) {
    self.rankCount = rankCount
    self.threadCount = threadCount
  }

  /// Cores that it keeps busy.
  package var coreCount: Int { rankCount * threadCount }

  /// All splits that use `coreCount` cores, few ranks first; then one rank with fewer threads, down to one.
  package static func all(of coreCount: Int) -> [RankSplit] {
    let divisors = (1...coreCount).filter { coreCount % $0 == 0 }
    return divisors.map { RankSplit(rankCount: $0, threadCount: coreCount / $0) }
      + divisors.dropLast().reversed().map { RankSplit(rankCount: 1, threadCount: $0) }
  }
}
