import CPUBackend
import Models
import Optimizers
import Parallel
import TensorCore

@testable import Training

/// Training steps of one rank.
struct StepRun {
  /// What one rank saw of a run, and what its weights came to.
  struct Curve: Sendable, Equatable {
    var losses: [Double] = []
    var gradientNorms: [Double] = []
    var chunkSizes: [[Int]] = []
    var targetCounts: [Int] = []
    var updates: [Bool] = []
    var weights: UInt64 = 0
  }

  let step: TrainingStep
  let model: any LanguageModel
  let optimizer: AdamW
  let plan: BucketPlan

  init(
    _ config: RunConfig, group: any ProcessGroup, backend: any Backend = CPUBackend(threadCount: 1)
  ) throws {
    let parallel = config.parallel
    model = config.model.makeModel(isTrained: true, backend: backend)
    model.parameters.initialize(config.model.specs(scheme: .fla), seed: 1)
    plan = BucketPlan(count: model.parameters.count, bucketBytes: parallel.bucketBytes)
    optimizer = AdamW(
      config.optimizer, parameters: model.parameters, backend: backend,
      owned: parallel.shardsOptimizer ? plan.owned(by: group.rank, of: group.size) : nil)
    let exchange = GradientExchange(
      model.parameters, plan: plan, group: group,
      collectives: try group.makeCollectives(CollectivesSettings(isOverlapped: parallel.overlap == .on)),
      isSharded: parallel.shardsOptimizer, wire: parallel.wire)
    step = TrainingStep(
      model: model, optimizer: optimizer, data: try config.data.training(seed: config.train.seed), exchange: exchange,
      backend: backend, train: config.train, schedule: config.schedule)
  }

  /// Every rank's curve of a whole run.
  static func curves(_ config: RunConfig, rankCount: Int) throws -> [Curve] {
    try ThreadGroup.run(size: rankCount) { group in
      let run = try StepRun(config, group: group)
      var curve = Curve()
      for number in 0..<config.train.steps {
        let result = try run.step(number, isStopRequested: false)
        curve.losses.append(result.loss)
        curve.gradientNorms.append(result.gradientNorm)
        curve.chunkSizes.append(result.chunkSizes)
        curve.targetCounts.append(result.targetCount)
        curve.updates.append(result.isUpdated)
      }
      curve.weights = ContentDigest(run.model.parameters.weights.values).value
      return curve
    }
  }
}
