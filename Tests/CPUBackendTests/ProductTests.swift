import CPUBackend
import ReferenceBackend
import TensorCore
import Testing

struct ProductTests {
  /// Rows, columns and depth. Some are large enough to be shared among threads.
  static let sizes = [
    (0, 3, 2), (3, 0, 2), (3, 2, 0), (1, 1, 1), (1, 90, 67), (90, 1, 67), (2, 30, 50), (3, 31, 16), (5, 33, 19),
    (8, 12, 40), (9, 12, 40), (17, 16, 64),
  ]
  /// Large enough to be shared among threads, by rows, by columns, and with few rows.
  static let sharedSizes = [(110, 72, 65), (72, 110, 65), (3, 500, 340)]

  @Test(arguments: Configuration.all, [false, true])
  func `products are right for all transposes`(in configuration: Configuration, accumulated: Bool) {
    for size in Self.sizes {
      for transposes in [(false, false), (false, true), (true, false), (true, true)] {
        expectProduct(configuration, size, transposes, accumulated: accumulated)
      }
    }
  }

  @Test(arguments: InstructionLevel.available, [1, 2, 3])
  func `products are right however they are shared`(at level: InstructionLevel, among threadCount: Int) {
    for size in Self.sharedSizes {
      for transposes in [(false, true), (true, false)] {
        expectProduct(
          Configuration(level: level, threadCount: threadCount), size, transposes, accumulated: threadCount == 2)
      }
    }
  }

  @Test func `large products are right in many parts`() throws {
    let (m, n, depth) = (1903, 1309, 800)
    let products = [1, 8].map { threadCount in
      let backend = CPUBackend(threadCount: threadCount)
      let a = backend.random([m, depth], seed: 7)
      let b = backend.random([n, depth], seed: 8)
      let c = backend.random([m, n], seed: 9)
      backend.multiply(Matrix(a), Matrix(b).transposed, into: Matrix(c), scale: 0.5, accumulate: true)
      return c.values
    }
    let error = zip(products[0], products[1]).reduce(0) { max($0, abs($1.0 - $1.1)) }
    #expect(error <= 1e-4)
    #expect(products[0].contains { abs($0) > 1 })
  }

  private func expectProduct(
    _ configuration: Configuration, _ size: (m: Int, n: Int, depth: Int), _ transposes: (a: Bool, b: Bool),
    accumulated: Bool
  ) {
    let (m, n, depth) = size
    expectReferenceResults(configuration, within: 1e-6, "\(size), transposes \(transposes)") { backend in
      let a = backend.random(transposes.a ? [depth, m] : [m, depth], seed: 1)
      let b = backend.random(transposes.b ? [n, depth] : [depth, n], seed: 2)
      let c = backend.random([m, n], seed: 3)
      backend.multiply(
        transposes.a ? Matrix(a).transposed : Matrix(a), transposes.b ? Matrix(b).transposed : Matrix(b),
        into: Matrix(c), scale: 0.75, accumulate: accumulated)
      return [c]
    }
  }

  @Test(arguments: Configuration.all)
  func `views with strides are multiplied and their surroundings left alone`(in configuration: Configuration) {
    for (m, n, depth) in [(5, 7, 3), (1, 40, 20), (20, 30, 17)] {
      for transposesB in [false, true] {
        expectReferenceResults(configuration, within: 1e-6, "\(m) × \(n) × \(depth)") { backend in
          let c = backend.random([m + 2, n + 5], seed: 6)
          let a = Matrix(backend.random([m + 1, depth + 9], seed: 4)).part(rows: 1..<m + 1, columns: 3..<depth + 3)
          let wide = Matrix(backend.random([max(n, depth) + 2, max(n, depth) + 3], seed: 5))
          let b =
            transposesB
            ? wide.part(rows: 2..<n + 2, columns: 1..<depth + 1).transposed
            : wide.part(rows: 2..<depth + 2, columns: 1..<n + 1)
          let target = Matrix(c).part(rows: 1..<m + 1, columns: 2..<n + 2)
          backend.multiply(a, b, into: target, scale: 1, accumulate: true)
          return [c]
        }
      }
    }
  }

  @Test(arguments: Configuration.all)
  func `what a product overwrites does not matter`(in configuration: Configuration) {
    let backend = configuration.backend()
    for (m, n, depth) in [(4, 5, 0), (1, 40, 20), (3, 40, 20), (33, 34, 35), (150, 140, 130)] {
      let c = backend.random([m, n], seed: 6)
      backend.fill(c, with: .nan)
      backend.multiply(
        Matrix(backend.random([m, depth], seed: 7)), Matrix(backend.random([n, depth], seed: 8)).transposed,
        into: Matrix(c), scale: 1, accumulate: false)
      #expect(floats(c).allSatisfy { depth == 0 ? $0 == 0 : $0.isFinite }, "\(m) × \(n) × \(depth)")
    }
  }

  @Test(arguments: Configuration.all)
  func `repeated products have the same bits`(in configuration: Configuration) {
    let backend = configuration.backend()
    let (a, b) = (backend.random([300, 200], seed: 9), backend.random([250, 200], seed: 10))
    let results = (0..<5).map { _ in
      let c = backend.random([300, 250], seed: 11)
      backend.multiply(Matrix(a), Matrix(b).transposed, into: Matrix(c), scale: 1, accumulate: true)
      return bits([c])
    }
    #expect(Set(results).count == 1)
  }

  @Test func `OpenBLAS says what it is`() {
    #expect(!CPUBackend.blasCoreName.isEmpty)
  }

  @Test func `a processor that OpenBLAS does not know gets kernels that fit it`() {
    #expect(CPUBackend.betterBLASCore(than: "Prescott", at: .avx512) == "SkylakeX")
    #expect(CPUBackend.betterBLASCore(than: "Prescott", at: .avx2) == "Haswell")
    #expect(CPUBackend.betterBLASCore(than: "Prescott", at: .baseline) == nil)
    for name in ["Haswell", "Zen", "SkylakeX", "Cooperlake", "Sapphirerapids", "neoversen1"] {
      #expect(CPUBackend.betterBLASCore(than: name, at: .avx512) == nil)
    }
  }
}
