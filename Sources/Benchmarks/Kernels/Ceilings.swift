package import TensorCore

/// What a backend's threads can do to memory and nothing else: what a memory-bound kernel is held against.
package protocol MemoryKernels: Backend {
  /// `y = x`.
  func copy(_ x: Tensor, to y: Tensor)
  /// `z = x + factor · y`.
  func triad(_ x: Tensor, plus factor: Float, times y: Tensor, into z: Tensor)
}

/// The matrix product that a machine does at the best rate.
package struct FastestProduct: Hashable, Sendable {
  /// Operations a second; 0 if none was timed.
  package fileprivate(set) var rate = 0.0
  package fileprivate(set) var shape = "none"
}

/// The best rates of this machine, in one run: those of memory, and of matrix products.
package struct Ceilings: Hashable, Sendable {
  /// Bytes a second that a copy reads and writes, of arrays that no cache holds.
  package internal(set) var copyRate = 0.0
  /// The same of a sum of two arrays into a third.
  package internal(set) var triadRate = 0.0
  private var products: [ProductPrecision: FastestProduct] = [:]

  /// Bytes a second, the better of copy and triad.
  package var memoryRate: Double { max(copyRate, triadRate) }

  /// Elements of each array: 128 MiB, beyond what the caches of a few cores hold.
  package static let elementCount = 32 << 20
  /// What three of them take, each on huge pages of its own.
  package static let arrayBytes = 3 * (elementCount * MemoryLayout<Float>.stride + 2 << 20)

  /// Times copy and triad for about `seconds` each, and keeps what is better than before.
  mutating func measureMemory(_ backend: any MemoryKernels, seconds: Double) {
    let arrays = (0..<3).map { _ in Tensor.filled([Self.elementCount], backend) }
    let arrayBytes = Double(Self.elementCount * DType.float32.byteCount)
    let copy = CallTimes(seconds: seconds) { backend.copy(arrays[0], to: arrays[1]) }
    let triad = CallTimes(seconds: seconds) {
      backend.triad(arrays[0], plus: 0.5, times: arrays[1], into: arrays[2])
    }
    copyRate = max(copyRate, 2 * arrayBytes / copy.fastest)
    triadRate = max(triadRate, 3 * arrayBytes / triad.fastest)
  }

  /// The fastest product of operands in a precision.
  package func product(_ precision: ProductPrecision) -> FastestProduct { products[precision] ?? FastestProduct() }

  /// Takes a product that was faster than all before.
  mutating func note(productRate rate: Double, shape: String, precision: ProductPrecision) {
    if rate > product(precision).rate { products[precision] = FastestProduct(rate: rate, shape: shape) }
  }
}

extension Tensor {
  /// A tensor of small equal numbers, for timings.
  static func filled(_ shape: [Int], _ backend: any Backend) -> Tensor {
    let storage = backend.pool.storage(byteCount: shape.reduce(1, *) * DType.float32.byteCount)
    let tensor = Tensor(storage: storage, shape: shape)
    backend.fill(tensor, with: 1e-3)
    return tensor
  }
}
