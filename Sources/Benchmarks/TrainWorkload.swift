package import Models

/// What a training benchmark measures on: the same work as the PyTorch scripts that it is compared with.
package struct TrainWorkload: Hashable, Sendable {
  package let config: ModelConfig
  /// Samples of a rank's micro-batch.
  package let sampleCount: Int
  /// Micro-batches of a step.
  package let microBatchCount: Int
  /// Ids of a sample; `context - 1` of them have a target.
  package let context: Int
  package let chunkSize: Int

  package init(config: ModelConfig, sampleCount: Int, microBatchCount: Int = 1, context: Int, chunkSize: Int) {
    self.config = config
    self.sampleCount = sampleCount
    self.microBatchCount = microBatchCount
    self.context = context
    self.chunkSize = chunkSize
  }

  /// Tokens of a rank's step.
  package var tokenCount: Int { sampleCount * microBatchCount * context }

  /// Arithmetic of a micro-batch of one rank.
  package var cost: ModelCost {
    ModelCost(
      config, sampleCount: sampleCount, length: context - 1, targetCount: sampleCount * (context - 1),
      chunkSize: chunkSize)
  }
}
