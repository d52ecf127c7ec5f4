import CPUBackend
import FaultSupport
import Models
import Optimizers
import Parallel
import Settings
import TensorCore
import Training

/// Row 10: one element of one rank's gradient is not finite, and no rank makes the update.
enum NotFinite {
  private static let rankCount = 3
  private static let poisonedStep = 3
  private static let stepCount = 6

  static let checks = [
    FaultCheck(10, "places", "NaN or infinity in one element of the gradient of one of 3 ranks", fullCount: 300) {
      bench in
      try bench.fill()
      let configs = try exchanges.map { exchange in
        try RunConfig(RunFile(path: bench.file("tiny.yaml"), overrides: ["train.accumulation=2"] + exchange))
      }
      return Attempts { index, random in
        let config = configs[index / 3 % configs.count]
        let backend = CPUBackend(threadCount: 1)
        let count = config.model.makeModel(isTrained: true, backend: backend).parameters.count
        let poison = Poison(
          rank: Int.random(in: 0..<rankCount, using: &random), place: Int.random(in: 0..<count, using: &random),
          value: [Float.nan, .infinity, -.infinity][index % 3], microBatch: Int.random(in: 0..<2, using: &random))
        for seen in try ThreadGroup.run(size: rankCount, { try train(config, poison, $0) }) {
          try expect(seen.updates == (0..<stepCount).map { $0 != poisonedStep }, "\(poison): updates \(seen.updates)")
          try expect(seen.isUntouched, "\(poison): weights, moments or the count of updates changed")
          try expect(seen.changesLater && seen.isFinite, "\(poison): later steps change nothing or are not finite")
        }
      }
    }
  ]

  /// How gradients get to the other ranks.
  private static let exchanges = [
    ["parallel.overlap=off"], ["parallel.overlap=on", "parallel.bucket_bytes=8192"],
    ["parallel.shard_optimizer=true", "parallel.overlap=on"], ["parallel.wire=bfloat16"],
  ]

  struct Poison: Sendable {
    let rank: Int
    let place: Int
    let value: Float
    let microBatch: Int
  }

  private struct Seen: Sendable {
    var updates: [Bool] = []
    var isUntouched = false
    var changesLater = false
    var isFinite = false
  }

  private static func train(_ config: RunConfig, _ poison: Poison, _ group: any ProcessGroup) throws -> Seen {
    let backend = CPUBackend(threadCount: 1)
    let model = PoisonedModel(config.model.makeModel(isTrained: true, backend: backend))
    model.parameters.initialize(config.model.specs(scheme: .fla), seed: 1)
    let parallel = config.parallel
    let plan = BucketPlan(count: model.parameters.count, bucketBytes: parallel.bucketBytes)
    let optimizer = AdamW(
      config.optimizer, parameters: model.parameters, backend: backend,
      owned: parallel.shardsOptimizer ? plan.owned(by: group.rank, of: group.size) : nil)
    let exchange = GradientExchange(
      model.parameters, plan: plan, group: group,
      collectives: try group.makeCollectives(CollectivesSettings(isOverlapped: parallel.overlap == .on)),
      isSharded: parallel.shardsOptimizer, wire: parallel.wire)
    let step = TrainingStep(
      model: model, optimizer: optimizer, data: try config.data.training(seed: config.train.seed), exchange: exchange,
      backend: backend, train: config.train, schedule: config.schedule)
    var seen = Seen()
    func state() -> [UInt32] {
      [model.parameters.weights, optimizer.firstMoments, optimizer.secondMoments].flatMap {
        $0.values.map(\.bitPattern)
      }
        + [UInt32(optimizer.updateCount)]
    }
    for number in 0..<stepCount {
      let before = state()
      let isPoisoned = number == poisonedStep
      model.poison = isPoisoned && group.rank == poison.rank ? poison : nil
      seen.updates.append(try step(number, isStopRequested: false).isUpdated)
      if isPoisoned { seen.isUntouched = state() == before } else { seen.changesLater = state() != before }
    }
    seen.isFinite = model.parameters.weights.values.allSatisfy(\.isFinite)
    return seen
  }
}

/// A model whose gradient gets one value that no arithmetic removes, on its way through one micro-batch.
private final class PoisonedModel: LanguageModel {
  var poison: NotFinite.Poison? { didSet { callCount = 0 } }
  private let base: any LanguageModel
  private var callCount = 0

  init(_ base: any LanguageModel) { self.base = base }

  var config: ModelConfig { base.config }
  var parameters: ParameterStore { base.parameters }
  var head: Tensor { base.head }

  func hidden(_ input: ModelInput, tape: Tape) -> Tensor {
    if let poison {
      // Gradients are added to what is there, so it stays.
      if callCount == poison.microBatch {
        parameters.gradients?.rows(poison.place..<poison.place + 1).assign([poison.value])
      }
      callCount += 1
    }
    return base.hidden(input, tape: tape)
  }

  func slotCounts(length: Int, chunkSize: Int) -> [Int] { base.slotCounts(length: length, chunkSize: chunkSize) }

  func makeDecodeState(_ room: DecodeRoom, backend: any Backend) -> any DecodeState {
    base.makeDecodeState(room, backend: backend)
  }
}
