internal import Logging
package import Models
internal import Parallel
internal import Telemetry
package import TensorCore

/// The best rate of matrix products on this machine, now, over the shapes that a step has.
package struct ProductCeiling: Hashable, Sendable {
  /// Operations a second of the fastest shape.
  package private(set) var bestRate = 0.0
  package private(set) var bestShape: ProductShape?

  /// Times each different shape of `cost` forward and backward (`x·wᵀ`, `g·w`, `gᵀ·x`) for about `seconds` each.
  package init(_ cost: ModelCost, backend: any Backend, seconds: Double = 0.05) {
    self.init(shapes: Set(cost.products).filter { $0.operationCount > 1e6 }, backend: backend, seconds: seconds)
  }

  /// A short measurement: of the shapes with the most work alone, at most ``mostRows`` rows of them, which are enough for
  /// their rate.
  init(shortly cost: ModelCost, backend: any Backend) {
    let shapes = cost.products.map { ProductShape(m: min($0.m, Self.mostRows), n: $0.n, k: $0.k) }
    let largest = Set(shapes).sorted { ($0.operationCount, $0.k, $0.n) > ($1.operationCount, $1.k, $1.n) }.prefix(3)
    // What takes microseconds needs no more of them.
    let seconds = (largest.first?.operationCount ?? 0) > 1e7 ? 0.03 : 0.002
    self.init(shapes: Set(largest), backend: backend, seconds: seconds)
  }

  private static let mostRows = 1024

  private init(shapes: Set<ProductShape>, backend: any Backend, seconds: Double) {
    // Memory of its own, which is given back: the run's pool stays as it is.
    let pool = StoragePool(backend.pool.memory)
    for shape in shapes {
      let rate = Self.rate(shape, backend, pool, seconds)
      if rate > bestRate { (bestRate, bestShape) = (rate, shape) }
    }
  }

  private static func rate(_ shape: ProductShape, _ backend: any Backend, _ pool: StoragePool, _ seconds: Double)
    -> Double
  {
    let matrix = { (rows: Int, columns: Int) -> Matrix in
      let storage = pool.storage(byteCount: rows * columns * DType.float32.byteCount)
      let tensor = Tensor(storage: storage, shape: [rows, columns])
      backend.fill(tensor, with: 1e-3)
      return Matrix(tensor)
    }
    let (x, weight, y) = (matrix(shape.m, shape.k), matrix(shape.n, shape.k), matrix(shape.m, shape.n))
    let products = [
      { backend.multiply(x, weight.transposed, into: y, scale: 1, accumulate: false) },
      { backend.multiply(y, weight, into: x, scale: 1e-9, accumulate: false) },
      { backend.multiply(y.transposed, x, into: weight, scale: 1e-9, accumulate: false) },
    ]
    return products.map { shape.operationCount / best($0, pool.memory, seconds) }.max() ?? 0
  }

  /// The shortest of several runs, in seconds.
  private static func best(_ product: () -> Void, _ memory: any DeviceMemory, _ seconds: Double) -> Double {
    let clock = ContinuousClock()
    let start = clock.now
    var shortest = Duration.seconds(1000)
    repeat {
      let time = clock.measure {
        product()
        memory.wait()
      }
      shortest = min(shortest, time)
    } while (clock.now - start) / .seconds(1) < seconds
    return max(shortest / .seconds(1), 1e-9)
  }
}

extension Trainer {
  /// Operations a second that all ranks' products come to at best, measured by all at the same time; nil where nobody wants
  /// to know. All ranks call it.
  func measureCeiling() throws -> Double? {
    guard config.logging.measuresUtilization else { return nil }
    let share = BatchShare(
      batchSize: config.train.batchSize, accumulation: config.train.accumulation, rank: 0, rankCount: group.size)
    let sampleCount = max(1, share.samples(microBatch: 0).count)
    let cost = ModelCost(
      config.model, sampleCount: sampleCount, length: config.data.context,
      targetCount: sampleCount * config.data.context, chunkSize: config.train.chunks.sizes.max() ?? 1)
    try group.barrier()
    var rates = [ProductCeiling(shortly: cost, backend: backend).bestRate]
    try group.allReduce(.sum, &rates)
    guard rates[0] > 0 else { return nil }
    logger.info("matrix products of all ranks: \(Format.count(rates[0])) floating-point operations/s at best")
    return rates[0]
  }
}
