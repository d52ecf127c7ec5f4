package import Parallel

/// What all ranks measured together.
package struct TrainSummary: Sendable {
  /// The slowest rank's median step.
  package let stepSeconds: Double
  package let fastestStepSeconds: Double
  /// Sum over the ranks.
  package let tokensPerSecond: Double
  package let operationsPerSecond: Double
  /// Medians of a step, means over the ranks.
  package let communicationSeconds: Double
  package let exposedSeconds: Double

  /// All ranks call it.
  package init(_ own: TrainMeasurement, _ workload: TrainWorkload, group: any ProcessGroup) throws(ParallelError) {
    let seconds = own.medianSeconds
    let operations = workload.cost.trainingOperations * Double(workload.microBatchCount)
    var sums = [
      Double(workload.tokenCount) / seconds, operations / seconds,
      own.communicationSeconds.median, own.exposedSeconds.median,
    ]
    try group.sum(&sums)
    stepSeconds = try group.largest(seconds)
    fastestStepSeconds = -(try group.largest(-(own.stepSeconds.min() ?? seconds)))
    tokensPerSecond = sums[0]
    operationsPerSecond = sums[1]
    communicationSeconds = sums[2] / Double(group.size)
    exposedSeconds = sums[3] / Double(group.size)
  }

  /// How much of the communication was hidden behind computation, of 1; 0 where there was none.
  package var overlappedShare: Double {
    communicationSeconds > 0 ? max(0, 1 - exposedSeconds / communicationSeconds) : 0
  }
}
