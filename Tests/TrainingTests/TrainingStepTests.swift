import CPUBackend
import Models
import Optimizers
import Parallel
import TensorCore
import Testing

@testable import Training

struct TrainingStepTests {
  /// What one rank saw of a run.
  private struct Curve: Sendable, Equatable {
    var losses: [Double] = []
    var gradientNorms: [Double] = []
    var chunkSizes: [[Int]] = []
    var targetCounts: [Int] = []
    var updates: [Bool] = []
  }

  private static func run(_ config: RunConfig, rankCount: Int) throws -> [Curve] {
    try ThreadGroup.run(size: rankCount) { group in
      let step = try makeStep(config, group: group).step
      var curve = Curve()
      for number in 0..<config.train.steps {
        let result = try step(number, isStopRequested: false)
        curve.losses.append(result.loss)
        curve.gradientNorms.append(result.gradientNorm)
        curve.chunkSizes.append(result.chunkSizes)
        curve.targetCounts.append(result.targetCount)
        curve.updates.append(result.isUpdated)
      }
      return curve
    }
  }

  private static func makeStep(
    _ config: RunConfig, group: any ProcessGroup
  ) throws -> (step: TrainingStep, model: any LanguageModel, optimizer: AdamW) {
    let backend = CPUBackend(threadCount: 1)
    let model = config.model.makeModel(isTrained: true, backend: backend)
    model.parameters.initialize(config.model.specs(scheme: .fla), seed: 1)
    let optimizer = AdamW(config.optimizer, parameters: model.parameters, backend: backend)
    let step = TrainingStep(
      model: model, optimizer: optimizer, data: try config.data.training(seed: config.train.seed), group: group,
      backend: backend, train: config.train, schedule: config.schedule)
    return (step, model, optimizer)
  }

  @Test(arguments: ["uniform", "cycle"], [1, 4])
  func `any number of ranks gives the losses of one`(schedule: String, accumulation: Int) throws {
    let config = try SmallRun.recall(["train.chunk_schedule=\(schedule)", "train.accumulation=\(accumulation)"])
    let one = try Self.run(config, rankCount: 1)[0]
    #expect(one.losses[19] < one.losses[0] && one.updates.allSatisfy { $0 })
    for rankCount in 2...4 {
      let ranks = try Self.run(config, rankCount: rankCount)
      for curve in ranks {
        #expect(curve == ranks[0], "ranks of \(rankCount) differ")
        #expect(curve.chunkSizes == one.chunkSizes)
        #expect(curve.targetCounts == one.targetCounts)
        for step in 0..<20 {
          #expect(
            abs(curve.losses[step] / one.losses[step] - 1) <= 1e-6,
            "\(rankCount) ranks, step \(step): expected \(one.losses[step]), got \(curve.losses[step])")
          #expect(abs(curve.gradientNorms[step] / one.gradientNorms[step] - 1) <= 1e-4)
        }
      }
    }
  }

  @Test func `a step that is not finite changes nothing`() throws {
    let config = try SmallRun.recall()
    let (step, model, optimizer) = try Self.makeStep(config, group: SoloGroup())
    _ = try step(0, isStopRequested: false)
    model.parameters["lm_head.weight"].address[3] = .infinity
    let before = (
      model.parameters.weights.values.map(\.bitPattern), optimizer.firstMoments.values, optimizer.updateCount
    )
    let result = try step(1, isStopRequested: false)
    #expect(!result.isUpdated && !result.loss.isFinite)
    #expect(model.parameters.weights.values.map(\.bitPattern) == before.0)
    #expect(optimizer.firstMoments.values == before.1)
    #expect(optimizer.updateCount == before.2)
  }

  @Test func `one rank that is not finite holds all ranks back`() throws {
    let config = try SmallRun.recall()
    let updates = try ThreadGroup.run(size: 3) { group in
      let (step, model, _) = try Self.makeStep(config, group: group)
      if group.rank == 1 { model.parameters["lm_head.weight"].address[3] = .nan }
      return try step(0, isStopRequested: false).isUpdated
    }
    #expect(updates == [false, false, false])
  }

  @Test func `a wish to stop on one rank reaches all`() throws {
    let config = try SmallRun.recall()
    let counts = try ThreadGroup.run(size: 3) { group in
      try Self.makeStep(config, group: group).step(0, isStopRequested: group.rank == 2).stopRequestCount
    }
    #expect(counts == [1, 1, 1])
  }
}
