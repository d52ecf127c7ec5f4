internal import Models
internal import Optimizers
package import Parallel
internal import Telemetry
package import TensorCore
package import Training

/// Times whole training steps (forward, backward, sums over the ranks, clipping, AdamW) on random ids.
package struct TrainBenchmark {
  let model: any LanguageModel
  let optimizer: AdamW
  private let backend: any Backend
  private let exchange: GradientExchange
  private let training: TrainingStep

  /// For one rank alone.
  package init(_ workload: TrainWorkload, backend: any Backend) throws {
    try self.init(
      workload, group: SoloGroup(), settings: ParallelConfig(),
      isOverlapped: false, backend: backend)
  }

  /// All ranks make theirs together.
  ///
  /// - Parameters:
  ///   - group: the ranks that train one model together.
  ///   - isOverlapped: whether gradients are sent during the backward pass.
  package init(
    _ workload: TrainWorkload, group: any ProcessGroup, settings: ParallelConfig, isOverlapped: Bool,
    backend: any Backend
  ) throws {
    let model = workload.config.makeModel(isTrained: true, backend: backend)
    model.parameters.initialize(workload.config.specs(scheme: .fla), seed: 0)
    try self.init(
      workload, model: model, group: group, settings: settings, isOverlapped: isOverlapped, backend: backend)
  }

  private init(
    _ workload: TrainWorkload, model: any LanguageModel, group: any ProcessGroup, settings: ParallelConfig,
    isOverlapped: Bool, backend: any Backend
  ) throws {
    self.model = model
    self.backend = backend
    let plan = BucketPlan(count: model.parameters.count, bucketBytes: settings.bucketBytes)
    var update = OptimizerConfig()
    update.learningRate = 1e-4
    optimizer = AdamW(
      update, parameters: model.parameters, backend: backend,
      owned: settings.shardsOptimizer ? plan.owned(by: group.rank, of: group.size) : nil)
    let collectives = try group.makeCollectives(
      CollectivesSettings(isOverlapped: isOverlapped, sharesMemory: settings.sharesMemory))
    exchange = GradientExchange(
      model.parameters, plan: plan, group: group, collectives: collectives, isSharded: settings.shardsOptimizer,
      wire: settings.wire)
    training = TrainingStep(
      model: model, optimizer: optimizer,
      data: BenchmarkData(context: workload.context, idCount: workload.config.vocabularySize), exchange: exchange,
      backend: backend, train: Self.train(workload, rankCount: group.size),
      schedule: LearningRateSchedule(kind: .constant))
  }

  /// The same work by each rank for itself, on this one's weights: times stay what they are, losses do not.
  func alone(_ workload: TrainWorkload) throws -> TrainBenchmark {
    try TrainBenchmark(
      workload, model: model, group: SoloGroup(), settings: ParallelConfig(),
      isOverlapped: false, backend: backend)
  }

  private static func train(_ workload: TrainWorkload, rankCount: Int) -> TrainConfig {
    var train = TrainConfig(
      steps: 1, batchSize: workload.sampleCount * workload.microBatchCount * rankCount, model: workload.config)
    train.accumulation = workload.microBatchCount
    train.recomputation = workload.recomputation
    if workload.config.chunkSizes != nil { train.chunks = ChunkSchedule(sizes: [workload.chunkSize]) }
    return train
  }

  /// Runs `warmup` steps, then measures `steps`, which all ranks of `starters` begin at the same time.
  package func run(
    warmup: Int, steps: Int, startingWith starters: any ProcessGroup
  ) throws -> TrainMeasurement {
    var measurement = TrainMeasurement()
    measurement.parameterCount = model.parameters.count
    for index in 0..<warmup { try step(index) }
    let before = backend.pool.statistics.allocationCount
    try starters.barrier()
    let clock = ContinuousClock()
    for index in 0..<steps {
      let start = clock.now
      let result = try step(warmup + index)
      measurement.stepSeconds.append((clock.now - start) / .seconds(1))
      measurement.communicationSeconds.append(result.communication.total / .seconds(1))
      measurement.exposedSeconds.append(result.communication.exposed / .seconds(1))
    }
    measurement.allocationCount = backend.pool.statistics.allocationCount - before
    measurement.tensorBytes = backend.peakBytes
    measurement.peakResidentBytes = Telemetry.peakResidentBytes()
    return measurement
  }

  /// One step on the random ids of a number.
  @discardableResult
  func step(_ index: Int) throws -> StepResult {
    try training(index, isStopRequested: false)
  }

  /// Gives back what MPI holds for it. All ranks call it.
  package func finish() throws(ParallelError) {
    try exchange.close()
  }
}
