internal import Foundation
package import Models
internal import Telemetry
package import TensorCore

/// The best rate of matrix products on this machine, now, over the shapes that a step has.
package struct ProductCeiling: Hashable, Sendable {
  /// Operations a second of the fastest shape.
  package private(set) var bestRate = 0.0
  package private(set) var bestShape: ProductShape?

  /// Times each different shape of `cost` forward and backward (`x·wᵀ`, `g·w`, `gᵀ·x`) for about `seconds` each.
  package init(_ cost: ModelCost, backend: any Backend, seconds: Double = 0.05) {
    for shape in Set(cost.products) where shape.operationCount > 1e6 {
      let rate = Self.rate(shape, backend, seconds)
      if rate > bestRate { (bestRate, bestShape) = (rate, shape) }
    }
  }

  private static func rate(_ shape: ProductShape, _ backend: any Backend, _ seconds: Double) -> Double {
    let x = Tensor.filled([shape.m, shape.k], backend)
    let weight = Tensor.filled([shape.n, shape.k], backend)
    let y = Tensor.filled([shape.m, shape.n], backend)
    let forward = {
      backend.multiply(Matrix(x), Matrix(weight).transposed, into: Matrix(y), scale: 1, accumulate: false)
    }
    let backward = { backend.multiply(Matrix(y), Matrix(weight), into: Matrix(x), scale: 1e-9, accumulate: false) }
    let gradient = {
      backend.multiply(Matrix(y).transposed, Matrix(x), into: Matrix(weight), scale: 1e-9, accumulate: false)
    }
    return [forward, backward, gradient].map { best($0, operations: shape.operationCount, seconds) }.max() ?? 0
  }

  private static func best(_ product: () -> Void, operations: Double, _ seconds: Double) -> Double {
    let clock = ContinuousClock()
    let start = clock.now
    var shortest = Duration.seconds(1000)
    repeat { shortest = min(shortest, clock.measure(product)) } while (clock.now - start) / .seconds(1) < seconds
    return operations / (shortest / .seconds(1))
  }
}

/// Memory that new work may take, in bytes: half of the machine's where the system does not say, less where the limits of
/// this process leave less.
func availableMemoryBytes() -> Int {
  let memory = AvailableMemory()
  let shared = memory.byteCount ?? Int(ProcessInfo.processInfo.physicalMemory) / 2
  return min(shared, memory.addressBytes(threadCount: 1) ?? .max)
}
