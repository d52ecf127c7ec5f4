import JSON
import Models
import Optimizers
import Randomness
import TensorCore
import Testing

/// What training steps take from the system.
struct StepMemoryTests {
  private static let chunkSizes = [2, 4, 8, 16]

  @Test(arguments: chunkSizes, Recomputation.allCases)
  func `the fourth step at a chunk size takes no new memory`(chunkSize: Int, recomputation: Recomputation) throws {
    let run = try SmallRun(recomputation)
    // Free segments are joined as they fall free, which takes some steps to settle.
    for _ in 0..<3 { run.step(chunkSize: chunkSize) }
    let before = run.backend.pool.statistics
    for _ in 0..<4 { run.step(chunkSize: chunkSize) }
    let after = run.backend.pool.statistics
    #expect(after.allocationCount == before.allocationCount, "\(before), then \(after)")
  }

  @Test(arguments: [chunkSizes, chunkSizes.reversed()])
  func `steps at alternating chunk sizes take no new memory after three rounds`(sizes: [Int]) throws {
    let run = try SmallRun()
    for size in sizes + sizes + sizes { run.step(chunkSize: size) }
    let before = run.backend.pool.statistics
    for size in sizes + sizes.reversed() + sizes { run.step(chunkSize: size) }
    let after = run.backend.pool.statistics
    #expect(after.allocationCount == before.allocationCount, "\(before), then \(after)")
    #expect(Double(after.peakHeldBytes) <= 1.25 * Double(after.peakUsedBytes), "\(after)")
  }

  /// What a step uses at most beside weights, gradients and moments.
  private func stepBytes(_ recomputation: Recomputation, layerCount: Int) throws -> Int {
    let run = try SmallRun(recomputation, layerCount: layerCount)
    let before = run.backend.pool.statistics.usedBytes
    run.step(chunkSize: 4)
    return run.backend.pool.statistics.peakUsedBytes - before
  }

  @Test func `recomputation lowers what each layer keeps`() throws {
    // Rows of the decoder at C = 4: a token or separator each, and 33 globals a sample.
    let row = 4 * (129 + 33) * 4
    let (width, mlpWidth) = (48, 96)
    let kept: [Recomputation: Int] = [
      // Two sums, q, k, v, attention's output, gate and up.
      .none: 6 * width + 2 * mlpWidth,
      .attention: 3 * width + 2 * mlpWidth,
      .blocks: width,
    ]
    for (recomputation, count) in kept {
      let layer = try (stepBytes(recomputation, layerCount: 10) - stepBytes(recomputation, layerCount: 6)) / 4
      #expect(abs(Double(layer) / Double(row * count) - 1) < 0.1, "\(recomputation): \(layer) bytes a layer")
    }
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
  private let recomputation: Recomputation
  private let sampleCount = 4
  private let length = 128

  init(_ recomputation: Recomputation = .none, layerCount: Int = 3) throws {
    self.recomputation = recomputation
    let fields: JSONValue = [
      "vocab_size": 64, "hidden_size": 48, "num_hidden_layers": .integer(layerCount), "num_heads": 2,
      "compressor_hidden_size": 24,
      "compressor_num_layers": 2, "compressor_num_heads": 1, "intermediate_size": 96, "max_chunk_size": 16,
      "max_position_embeddings": 128,
    ]
    let config = try ModelConfig(JSONReader(fields, path: "model"))
    model = config.makeModel(isTrained: true, backend: backend)
    model.parameters.initialize(config.specs(scheme: .fla), seed: 1)
    optimizer = AdamW(
      try OptimizerConfig(JSONReader([:], path: "optimizer")), parameters: model.parameters, backend: backend)
  }

  func step(chunkSize: Int) {
    var generator = CounterGenerator(seed: 5, stream: .task)
    let samples = (0..<sampleCount).map { _ in (0...length).map { _ in Int32(generator.below(64)) } }
    _ = model.meanLoss(
      samples.map { Array($0.dropLast()) }, targets: samples.map { Array($0.dropFirst()) }, chunkSize: chunkSize,
      recomputation: recomputation, backend: backend)
    optimizer.step(rate: 1e-3)
  }
}
