package import Models
internal import Optimizers
package import Parallel
package import TensorCore
package import Training

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
  package let recomputation: Recomputation

  package init(
    config: ModelConfig, sampleCount: Int, microBatchCount: Int = 1, context: Int, chunkSize: Int,
    recomputation: Recomputation = .none
  ) {
    self.config = config
    self.sampleCount = sampleCount
    self.microBatchCount = microBatchCount
    self.context = context
    self.chunkSize = chunkSize
    self.recomputation = recomputation
  }

  /// Tokens of a rank's step.
  package var tokenCount: Int { sampleCount * microBatchCount * context }

  /// Most bytes that the tensors of a rank take, predicted.
  ///
  /// - Parameters:
  ///   - group: the ranks that train one model together.
  ///   - makeBackend: gives a backend that computes nothing, new each time.
  package func predictedTensorBytes(
    group: any ProcessGroup, settings: ParallelConfig, makeBackend: () -> any Backend
  ) throws -> Int {
    let count = config.specs(scheme: .fla).reduce(0) { $0 + $1.count }
    let buckets = BucketPlan(count: count, bucketBytes: settings.bucketBytes)
    return TensorPlan(
      model: config, optimizer: OptimizerConfig(),
      recomputation: recomputation, steps: [[chunkSize], [chunkSize]], sampleCount: sampleCount, length: context - 1,
      owned: settings.shardsOptimizer ? buckets.owned(by: group.rank, of: group.size) : nil
    ).peakBytes(makeBackend: makeBackend)
  }

  /// Arithmetic of a micro-batch of one rank.
  package var cost: ModelCost {
    ModelCost(
      config, sampleCount: sampleCount, length: context - 1, targetCount: sampleCount * (context - 1),
      chunkSize: chunkSize)
  }
}
