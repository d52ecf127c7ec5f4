package import Models
internal import Optimizers
internal import Randomness
internal import Settings
internal import Telemetry
package import TensorCore

/// What a training benchmark measures on: the same work as the PyTorch scripts that it is compared with.
package struct TrainWorkload: Hashable, Sendable {
  package let config: ModelConfig
  package let sampleCount: Int
  /// Ids of a sample; `context - 1` of them have a target.
  package let context: Int
  package let chunkSize: Int

  package init(config: ModelConfig, sampleCount: Int, context: Int, chunkSize: Int) {
    self.config = config
    self.sampleCount = sampleCount
    self.context = context
    self.chunkSize = chunkSize
  }

  /// Arithmetic of one step.
  package var cost: ModelCost {
    ModelCost(
      config, sampleCount: sampleCount, length: context - 1, targetCount: sampleCount * (context - 1),
      chunkSize: chunkSize)
  }
}

/// Seconds of each measured step, and the memory that they took.
package struct TrainMeasurement: Sendable {
  package var stepSeconds: [Double] = []
  package var parameterCount = 0
  /// Most bytes that tensors took together.
  package var tensorBytes = 0
  package var peakResidentBytes = 0
  /// Buffers taken from the system during the measured steps.
  package var allocationCount = 0

  package var medianSeconds: Double {
    let sorted = stepSeconds.sorted()
    return sorted.isEmpty ? .nan : sorted[sorted.count / 2]
  }
}

/// Times whole training steps (forward, backward, clipping, AdamW) on random ids.
package struct TrainBenchmark {
  private let workload: TrainWorkload
  private let backend: any Backend
  let model: any LanguageModel
  let optimizer: AdamW

  package init(_ workload: TrainWorkload, backend: any Backend) throws {
    self.workload = workload
    self.backend = backend
    model = workload.config.makeModel(isTrained: true, backend: backend)
    model.parameters.initialize(workload.config.specs(scheme: .fla), seed: 0)
    let fields: Setting = ["learning_rate": .number(1e-4), "weight_decay": .number(0.1)]
    optimizer = AdamW(
      try OptimizerConfig(SettingsReader(fields, path: "optimizer")), parameters: model.parameters, backend: backend)
  }

  /// Runs `warmup` steps, then measures `steps`.
  package func run(warmup: Int, steps: Int) -> TrainMeasurement {
    var measurement = TrainMeasurement()
    measurement.parameterCount = model.parameters.count
    for step in 0..<warmup { self.step(step) }
    let before = backend.pool.statistics.allocationCount
    for step in 0..<steps {
      let elapsed = ContinuousClock().measure { self.step(warmup + step) }
      measurement.stepSeconds.append(elapsed / .seconds(1))
    }
    measurement.allocationCount = backend.pool.statistics.allocationCount - before
    measurement.tensorBytes = backend.pool.statistics.peakHeldBytes
    measurement.peakResidentBytes = Telemetry.peakResidentBytes()
    return measurement
  }

  /// One step on the random ids of a number.
  func step(_ index: Int) {
    guard let gradients = model.parameters.gradients else { return }
    backend.fill(gradients, with: 0)
    let (inputs, targets) = batch(index % 4)
    let tape = Tape(backend: backend, isRecording: true)
    _ = model.loss(
      ids: inputs, targets: targets, sampleCount: workload.sampleCount, length: workload.context - 1,
      chunkSize: workload.chunkSize, gradientScale: 1 / Float(targets.count), tape: tape)
    tape.backward()
    optimizer.step(rate: 1e-4, gradientNorm: optimizer.gradientNorm())
  }

  private func batch(_ index: Int) -> (inputs: [Int32], targets: [Int32]) {
    var generator = CounterGenerator(seed: 0, stream: .task, index: UInt64(index))
    var (inputs, targets): ([Int32], [Int32]) = ([], [])
    for _ in 0..<workload.sampleCount {
      let ids = (0..<workload.context).map { _ in Int32(generator.below(workload.config.vocabularySize)) }
      inputs += ids.dropLast()
      targets += ids.dropFirst()
    }
    return (inputs, targets)
  }
}
