import Models
import Optimizers
import Randomness
import Settings
import TensorCore
import Testing

/// What training steps take from the system.
struct StepMemoryTests {
  private static let chunkSizes = [2, 4, 8, 16]

  @Test(arguments: chunkSizes)
  func `the third step at a chunk size takes no new memory`(chunkSize: Int) throws {
    let run = try SmallRun()
    for _ in 0..<2 { run.step(chunkSize: chunkSize) }
    let before = run.backend.pool.statistics
    for _ in 0..<4 { run.step(chunkSize: chunkSize) }
    let after = run.backend.pool.statistics
    #expect(after.allocationCount == before.allocationCount, "\(before), then \(after)")
  }

  @Test(arguments: [chunkSizes, chunkSizes.reversed()])
  func `steps at alternating chunk sizes take no new memory after two rounds`(sizes: [Int]) throws {
    let run = try SmallRun()
    for size in sizes + sizes { run.step(chunkSize: size) }
    let before = run.backend.pool.statistics
    for size in sizes + sizes.reversed() + sizes { run.step(chunkSize: size) }
    let after = run.backend.pool.statistics
    #expect(after.allocationCount == before.allocationCount, "\(before), then \(after)")
    #expect(Double(after.peakHeldBytes) <= 1.25 * Double(after.peakUsedBytes), "\(after)")
  }

  @Test func `a step at one chunk size holds little more than it uses`() throws {
    let run = try SmallRun()
    for _ in 0..<4 { run.step(chunkSize: 16) }
    let statistics = run.backend.pool.statistics
    #expect(Double(statistics.peakHeldBytes) <= 1.15 * Double(statistics.peakUsedBytes), "\(statistics)")
  }
}

/// Training steps of a small model on ids drawn by lot.
private struct SmallRun {
  let backend = BackendKind.fastest.make()
  private let model: any LanguageModel
  private let optimizer: AdamW
  private let sampleCount = 4
  private let length = 128

  init() throws {
    let fields: Setting = [
      "vocab_size": 64, "hidden_size": 48, "num_hidden_layers": 3, "num_heads": 2, "compressor_hidden_size": 24,
      "compressor_num_layers": 2, "compressor_num_heads": 1, "intermediate_size": 96, "max_chunk_size": 16,
      "max_position_embeddings": 128,
    ]
    let config = try ModelConfig(SettingsReader(fields, path: "model"))
    model = config.makeModel(isTrained: true, backend: backend)
    model.parameters.initialize(config.specs(scheme: .fla), seed: 1)
    optimizer = AdamW(
      try OptimizerConfig(SettingsReader([:], path: "optimizer")), parameters: model.parameters, backend: backend)
  }

  func step(chunkSize: Int) {
    var generator = CounterGenerator(seed: 5, stream: .task)
    let samples = (0..<sampleCount).map { _ in (0...length).map { _ in Int32(generator.below(64)) } }
    _ = model.meanLoss(
      samples.map { Array($0.dropLast()) }, targets: samples.map { Array($0.dropFirst()) }, chunkSize: chunkSize,
      backend: backend)
    optimizer.step(rate: 1e-3, gradientNorm: optimizer.gradientNorm())
  }
}
