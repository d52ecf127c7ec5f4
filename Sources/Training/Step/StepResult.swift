package import Parallel

/// What one optimizer step did, the same on all ranks but for the times.
package struct StepResult: Sendable {
  /// Mean loss over all targets of the global batch, in nats.
  package var loss: Double
  package var gradientNorm: Double
  package var learningRate: Double
  /// Chunk size of each micro-batch.
  package var chunkSizes: [Int]
  /// Tokens of the global batch.
  package var tokenCount: Int
  package var targetCount: Int
  /// Whether the update was made; not if loss or gradient norm was not finite, or the loss stood out.
  package var isUpdated: Bool
  /// Whether the loss, a finite one, stood out.
  package var isSpike = false
  /// Ranks that were asked to stop.
  package var stopRequestCount: Int
  /// Ranks by whose clock a checkpoint is due.
  package var saveRequestCount: Int
  package var communication = CommunicationTime()
  /// Multiplications and additions of the model in forward and backward passes, those of all ranks.
  package var operationCount = 0
}
