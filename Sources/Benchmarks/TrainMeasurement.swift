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
