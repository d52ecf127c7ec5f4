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
    try group.allReduce(.sum, &sums)
    stepSeconds = try group.allReduce(.max, seconds)
    fastestStepSeconds = -(try group.allReduce(.max, -(own.stepSeconds.min() ?? seconds)))
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

/// What one rank measured: seconds of each step, those of them in which it waited for other ranks, and memory.
package struct TrainMeasurement: Sendable {
  package var stepSeconds: [Double] = []
  /// Of each step: in calls to other ranks, whether or not something was computed meanwhile.
  package var communicationSeconds: [Double] = []
  /// Of each step: waiting for other ranks, those that are late included.
  package var exposedSeconds: [Double] = []
  package var parameterCount = 0
  /// Most bytes that tensors took together.
  package var tensorBytes = 0
  package var peakResidentBytes = 0
  /// Buffers taken from the system during the measured steps.
  package var allocationCount = 0

  package var medianSeconds: Double { stepSeconds.median }
}
