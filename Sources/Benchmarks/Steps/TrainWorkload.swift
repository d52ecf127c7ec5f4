package import MemoryPlans
package import Models
internal import Optimizers
package import Parallel
internal import Randomness
package import TensorCore
internal import TokenData
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
  ///   - partners: the ranks that train one model together.
  ///   - largestBytes: what takes more is not planned to the end.
  ///   - makeBackend: gives a backend that computes nothing, new each time.
  package func predictedTensorBytes(
    partners: any ProcessGroup, settings: ParallelConfig, largestBytes: Int = .max, makeBackend: () -> any Backend
  ) throws -> Int {
    let count = config.specs(scheme: .fla).reduce(0) { $0 + $1.count }
    let buckets = BucketPlan(count: count, bucketBytes: settings.bucketBytes)
    let plan = TensorPlan(
      model: config, optimizer: OptimizerConfig(),
      recomputation: recomputation, steps: [[chunkSize], [chunkSize]], sampleCount: sampleCount, length: context - 1,
      owned: settings.shardsOptimizer ? buckets.owned(by: partners.rank, of: partners.size) : nil)
    let owned = settings.shardsOptimizer ? count / partners.size : count
    let leastBytes = 2 * (count + owned) * DType.float32.byteCount + plan.leastSampleBytes
    return leastBytes < largestBytes ? plan.peakBytes(makeBackend: makeBackend) : leastBytes
  }

  /// Refuses work that has no room. All ranks of `group` call it, and all throw alike.
  ///
  /// - Parameters:
  ///   - partners: the ranks that train one model together, all of `group` or this one alone.
  ///   - furtherBytes: taken beside the tensors of a step.
  /// - Returns: most bytes that the tensors of a rank take.
  @discardableResult
  package func requireRoom(
    _ room: MemoryRoom, group: any ProcessGroup, partners: any ProcessGroup, settings: ParallelConfig,
    furtherBytes: Int = 0, makeBackend: () -> any Backend
  ) throws -> Int {
    let bytes = try predictedTensorBytes(
      partners: partners, settings: settings, largestBytes: room.largestBytes, makeBackend: makeBackend)
    try room.require(bytes + idBytes + furtherBytes, remedies: remedies, in: group)
    return bytes
  }

  /// Ids and targets of a step, which are made before it.
  private var idBytes: Int {
    let bytes = 8 * Double(sampleCount) * Double(microBatchCount) * Double(context)
    return Int(min(bytes, 1e18))
  }

  /// Options that lower what a step takes.
  private var remedies: [String] {
    var remedies = ["a smaller --context (\(context))"]
    if sampleCount > 1 { remedies.append("a smaller --batch-size (\(sampleCount))") }
    if microBatchCount > 1 { remedies.append("fewer --micro-batches (\(microBatchCount))") }
    if recomputation != .blocks { remedies.append("--recompute blocks (\(recomputation.rawValue))") }
    return remedies
  }

  /// Bytes of a product's operands and result, the largest: what ``ProductCeiling`` holds at a time.
  package var ceilingBytes: Int {
    cost.products.reduce(0) { max($0, $1.m * $1.k + $1.n * $1.k + $1.m * $1.n) } * DType.float32.byteCount
  }

  /// Arithmetic of a micro-batch of one rank.
  package var cost: ModelCost {
    ModelCost(
      config, sampleCount: sampleCount, length: context - 1, targetCount: sampleCount * (context - 1),
      chunkSize: chunkSize)
  }
}

/// Random ids: samples of `context` ids, of which `context - 1` have a target. They repeat after a few steps.
struct BenchmarkData: TrainingData {
  private static let periodSteps = 4

  let context: Int
  let idCount: Int

  var vocabularySize: Int? { idCount }
  var samplesPerEpoch: Int? { nil }
  var tokenCount: Int? { nil }

  func batch(step: Int, globalBatch: Int, samples: Range<Int>) -> TokenBatch {
    var (inputs, targets): ([Int32], [Int32]) = ([], [])
    for sample in samples {
      let place = step % Self.periodSteps * globalBatch + sample
      var generator = CounterGenerator(seed: 0, stream: .task, index: UInt64(place))
      let ids = (0..<context).map { _ in Int32(generator.below(idCount)) }
      inputs += ids.dropLast()
      targets += ids.dropFirst()
    }
    return TokenBatch(inputs: inputs, targets: targets, sampleCount: samples.count, length: context - 1)
  }

  func cursor(step: Int, globalBatch: Int) -> (epoch: Int, index: Int) { (0, step * globalBatch) }

  func requireIDs(below vocabularySize: Int) {}
}
