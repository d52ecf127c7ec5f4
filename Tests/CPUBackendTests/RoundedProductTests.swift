import CPUBackend
import ReferenceBackend
import TensorCore
import Testing

/// A way to multiply in bfloat16.
struct RoundedConfiguration: Sendable, CustomTestStringConvertible {
  let level: InstructionLevel

  static let all = InstructionLevel.available(for: .bfloat16).map { RoundedConfiguration(level: $0) }

  var testDescription: String { "\(level)" }

  /// What one instruction multiplies.
  var factor: String {
    switch level {
    case .baseline, .avx2, .avx512: "values"
    case .avx512BFloat16: "pairs"
    case .amxBFloat16: "tiles"
    }
  }

  func backend(threadCount: Int = 1) -> CPUBackend {
    CPUBackend(threadCount: threadCount, level: level, precision: .bfloat16)
  }
}

/// The nearest value with 8 bits of significand, of two the even one.
func rounded(_ value: Float) -> Float {
  let spacing = value.ulp * 65536
  return value.isNormal ? (value / spacing).rounded(.toNearestOrEven) * spacing : value
}

private func round(_ x: Tensor) {
  x.assign(x.values.map(rounded))
}

struct RoundedProductTests {
  /// Rows, columns and depth: odd ones, some that end within a pair, a vector, a tile, a panel, or a block of the depth.
  static let sizes = [
    (1, 1, 1), (1, 64, 32), (6, 64, 2), (7, 65, 33), (5, 130, 67), (90, 1, 67), (17, 16, 64), (12, 48, 255),
    (13, 80, 256), (14, 17, 257), (3, 31, 700), (100, 130, 90), (32, 32, 32), (49, 95, 33), (34, 20, 1600),
  ]
  /// Large enough to be shared among threads, by rows and by columns, and for more blocks than one.
  static let sharedSizes = [(310, 72, 300), (50, 1100, 65), (97, 129, 515), (3, 500, 340)]
  static let transposes: [(a: Bool, b: Bool)] = [(false, false), (false, true), (true, false), (true, true)]

  @Test(arguments: RoundedConfiguration.all, [false, true])
  func `products of rounded operands are right for all transposes`(
    in configuration: RoundedConfiguration, accumulated: Bool
  ) {
    for size in Self.sizes {
      for transposes in Self.transposes {
        let what = "\(size), transposes \(transposes)"
        let found = product(size, transposes, accumulated, on: configuration.backend()) { _ in }
        let expected = product(size, transposes, accumulated, on: ReferenceBackend(), round)
        expectMatch(found, expected, within: 2e-6, what)
      }
    }
  }

  @Test(arguments: RoundedConfiguration.all)
  func `products of rounded operands have the same bits for any number of threads`(
    in configuration: RoundedConfiguration
  ) {
    for size in Self.sharedSizes {
      for transposes in Self.transposes {
        let what = "\(size), transposes \(transposes)"
        let results = (1...3).map {
          product(size, transposes, true, on: configuration.backend(threadCount: $0)) { _ in }
        }
        expectMatch(results[0], product(size, transposes, true, on: ReferenceBackend(), round), within: 2e-6, what)
        for result in results { #expect(result.map(\.bitPattern) == results[0].map(\.bitPattern), "\(what)") }
      }
    }
  }

  private func product(
    _ size: (m: Int, n: Int, depth: Int), _ transposes: (a: Bool, b: Bool), _ accumulated: Bool,
    on backend: any Backend, _ prepare: (Tensor) -> Void
  ) -> [Float] {
    let (m, n, depth) = size
    let a = backend.random(transposes.a ? [depth, m] : [m, depth], seed: 1)
    let b = backend.random(transposes.b ? [n, depth] : [depth, n], seed: 2)
    let c = backend.random([m, n], seed: 3)
    for operand in [a, b] { prepare(operand) }
    backend.multiply(
      transposes.a ? Matrix(a).transposed : Matrix(a), transposes.b ? Matrix(b).transposed : Matrix(b),
      into: Matrix(c), scale: 0.75, accumulate: accumulated)
    return floats(c)
  }

  @Test(arguments: RoundedConfiguration.all)
  func `views with strides are multiplied in bfloat16 and their surroundings left alone`(
    in configuration: RoundedConfiguration
  ) {
    for (m, n, depth) in [(5, 7, 3), (20, 70, 37), (61, 66, 300)] {
      for transposes in Self.transposes {
        let results = [configuration.backend(), ReferenceBackend()].map { (backend: any Backend) in
          let operands = [transposes.a ? [depth, m] : [m, depth], transposes.b ? [n, depth] : [depth, n]]
            .map { backend.random([$0[0] + 2, $0[1] + 9], seed: UInt64($0[0])) }
          if backend is ReferenceBackend { for operand in operands { round(operand) } }
          let (a, b) = (
            Matrix(operands[0]).part(rows: 2..<operands[0].rowCount, columns: 3..<operands[0].rowWidth - 6),
            Matrix(operands[1]).part(rows: 1..<operands[1].rowCount - 1, columns: 9..<operands[1].rowWidth)
          )
          let c = backend.random([m + 2, n + 5], seed: 6)
          backend.multiply(
            transposes.a ? a.transposed : a, transposes.b ? b.transposed : b,
            into: Matrix(c).part(rows: 1..<m + 1, columns: 2..<n + 2), scale: 1, accumulate: true)
          return floats(c)
        }
        expectMatch(results[0], results[1], within: 2e-6, "\(m) × \(n) × \(depth), transposes \(transposes)")
      }
    }
  }

  @Test(arguments: RoundedConfiguration.all)
  func `what a product in bfloat16 overwrites does not matter`(in configuration: RoundedConfiguration) {
    let backend = configuration.backend()
    for (m, n, depth) in [(1, 40, 20), (33, 34, 35), (150, 140, 600)] {
      let c = backend.random([m, n], seed: 6)
      backend.fill(c, with: .nan)
      backend.multiply(
        Matrix(backend.random([m, depth], seed: 7)), Matrix(backend.random([n, depth], seed: 8)).transposed,
        into: Matrix(c), scale: 1, accumulate: false)
      #expect(floats(c).allSatisfy { $0.isFinite }, "\(m) × \(n) × \(depth)")
    }
  }

  @Test(arguments: RoundedConfiguration.all)
  func `values are rounded to the nearest, of two the even one`(in configuration: RoundedConfiguration) {
    let backend = configuration.backend()
    let values: [(Float, Float)] = [
      (1, 1), (1.00390625, 1), (1.0039064, 1.0078125), (1.01171875, 1.015625), (-1.00390625, -1),
      (3.4e38, .infinity), (-3.4e38, -.infinity), (.infinity, .infinity), (0, 0),
    ]
    for transposed in [false, true] {
      for (value, expected) in values {
        let operand = tensor([value], [1, 1], on: backend)
        let one = tensor([1], [1, 1], on: backend)
        for operands in [(operand, one), (one, operand)] {
          let c = backend.random([1, 1], seed: 1)
          let (a, b) = (Matrix(operands.0), Matrix(operands.1))
          backend.multiply(
            transposed ? a.transposed : a, transposed ? b.transposed : b, into: Matrix(c), scale: 1, accumulate: false)
          #expect(floats(c) == [expected], "\(value)")
        }
      }
    }
  }

  @Test(arguments: RoundedConfiguration.all, [Float.nan, .infinity, -.infinity])
  func `what is not finite reaches its row or column alone`(in configuration: RoundedConfiguration, value: Float) {
    let backend = configuration.backend()
    let (m, n, depth) = (20, 70, 301)
    for transposes in Self.transposes {
      for isLeft in [true, false] {
        let a = backend.random(transposes.a ? [depth, m] : [m, depth], seed: 1)
        let b = backend.random(transposes.b ? [n, depth] : [depth, n], seed: 2)
        // Row 11 of the left operand or column 11 of the right one, at depth 300.
        let (operand, isTransposed) = isLeft ? (a, transposes.a) : (b, !transposes.b)
        operand.set(isTransposed ? 300 * operand.rowWidth + 11 : 11 * operand.rowWidth + 300, to: value)
        let c = backend.random([m, n], seed: 3)
        backend.multiply(
          transposes.a ? Matrix(a).transposed : Matrix(a), transposes.b ? Matrix(b).transposed : Matrix(b),
          into: Matrix(c), scale: 1, accumulate: false)
        let results = floats(c)
        let touched = results.indices.filter { !results[$0].isFinite }
        #expect(touched == results.indices.filter { (isLeft ? $0 / n : $0 % n) == 11 })
        if value.isNaN { #expect(touched.allSatisfy { results[$0].isNaN }) }
      }
    }
  }

  @Test(arguments: RoundedConfiguration.all)
  func `a backend says what its products in bfloat16 multiply`(in configuration: RoundedConfiguration) {
    let name = configuration.backend().kernelNames
    #expect(name == "bfloat16 products of \(configuration.factor), \(min(configuration.level, .avx512))")
  }

  private static let available = InstructionLevel.available(for: .bfloat16)

  @Test(
    .enabled(if: available.contains(.avx512BFloat16), "no products of pairs (AVX512-BF16) to be had: not tested"))
  func `products of pairs are among what is tested`() {
    #expect(RoundedConfiguration.all.contains { $0.factor == "pairs" })
  }

  @Test(.enabled(if: available.contains(.amxBFloat16), "no products of tiles (AMX-BF16) to be had: not tested"))
  func `products of tiles are among what is tested, and what a backend uses`() {
    #expect(RoundedConfiguration.all.contains { $0.factor == "tiles" })
    #expect(CPUBackend(threadCount: 1, precision: .bfloat16).kernelNames.hasPrefix("bfloat16 products of tiles"))
  }

  @Test func `single precision is what a backend has unless asked`() {
    #expect(CPUBackend(threadCount: 1).precision == .float32)
    #expect(CPUBackend(threadCount: 1).kernelNames.hasPrefix(CPUBackend.blasCoreName))
    #expect(CPUBackend(threadCount: 1, precision: .bfloat16).kernelNames.hasPrefix("bfloat16"))
  }
}
