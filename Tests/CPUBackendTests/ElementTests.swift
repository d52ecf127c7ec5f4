import CPUBackend
import ReferenceBackend
import TensorCore
import Testing

struct ElementTests {
  /// Below, at and above a vector and a block.
  static let counts = [0, 1, 15, 16, 17, 33_001]

  @Test(arguments: Configuration.all)
  func `elements are added, scaled and filled`(in configuration: Configuration) {
    for count in Self.counts {
      expectReferenceResults(configuration, within: 1e-7, "\(count) elements") { backend in
        let x = backend.random([count], seed: 1)
        let y = backend.random([count], seed: 2)
        let z = backend.random([count], seed: 3)
        backend.scale(x, by: 1.5)
        backend.add(x, to: y)
        backend.fill(z, with: -2.5)
        return [x, y, z]
      }
    }
  }

  @Test(arguments: Configuration.all)
  func `neighbours of a part are left alone`(in configuration: Configuration) {
    let backend = configuration.backend()
    let whole = backend.random([100], seed: 4)
    let before = floats(whole)
    let part = whole.rows(33..<66)
    backend.fill(part, with: 7)
    backend.scale(part, by: 2)
    backend.add(part, to: part)
    #expect(floats(whole) == before[..<33] + [Float](repeating: 28, count: 33) + before[66...])
  }

  @Test(arguments: Configuration.all)
  func `a bias reaches each row of a view`(in configuration: Configuration) {
    for (rows, columns) in [(0, 5), (1, 1), (7, 33), (600, 64)] {
      expectReferenceResults(configuration, within: 1e-7, "\(rows) × \(columns)") { backend in
        let y = backend.random([rows, columns + 3], seed: 5)
        let bias = backend.random([columns], seed: 6)
        backend.addBias(bias, to: Matrix(y).part(rows: 0..<rows, columns: 1..<columns + 1))
        return [y]
      }
    }
  }

  @Test(arguments: Configuration.all)
  func `column sums of a view are accumulated`(in configuration: Configuration) {
    for (rows, columns) in [(0, 5), (1, 1), (7, 33), (300, 130), (11_000, 3), (1, 34_000)] {
      expectReferenceResults(configuration, within: 1e-6, "\(rows) × \(columns)") { backend in
        let x = backend.random([rows, columns + 3], seed: 7)
        let sums = backend.random([columns], seed: 8)
        backend.accumulateColumnSums(of: Matrix(x).part(rows: 0..<rows, columns: 2..<columns + 2), into: sums)
        return [sums]
      }
    }
  }

  @Test(arguments: Configuration.all)
  func `sums are those of double precision`(in configuration: Configuration) {
    let backend = configuration.backend()
    for count in Self.counts + [70_001] {
      let values = testValues(count: count, seed: 9).map { $0 + 0.25 }
      let x = tensor(values, [count], on: backend)
      let sum = values.reduce(0.0) { $0 + Double($1) }
      let squares = values.reduce(0.0) { $0 + Double($1) * Double($1) }
      #expect(abs(backend.sum(x) - sum) <= 1e-11 * squares, "\(count): \(backend.sum(x)) for \(sum)")
      #expect(
        abs(backend.sumOfSquares(x) - squares) <= 1e-11 * squares,
        "\(count): \(backend.sumOfSquares(x)) for \(squares)")
    }
  }

  @Test(arguments: Configuration.all)
  func `sums are added to totals in double precision`(in configuration: Configuration) {
    for backend in [configuration.backend() as any Backend, ReferenceBackend()] {
      let x = tensor([1, 2, 3], [3], on: backend)
      let totals = Tensor(doubles: [9, 9, 9], pool: backend.pool)
      backend.fill(totals.rows(0..<2), with: 0)
      // What single precision would lose.
      totals.rows(1..<2).assign(doubles: [0x1p40 + 0x1p-10])
      backend.accumulateSum(of: x, into: totals.rows(0..<1))
      backend.accumulateSum(of: x, into: totals.rows(0..<1))
      backend.accumulateSumOfSquares(of: x, into: totals.rows(1..<2))
      #expect(totals.doubles == [12, 0x1p40 + 0x1p-10 + 14, 9])
      let more = Tensor(doubles: [0.5, 1, -9], pool: backend.pool)
      backend.add(totals, to: more)
      #expect(more.doubles == [12.5, 0x1p40 + 0x1p-10 + 15, 0])
    }
  }

  @Test(arguments: InstructionLevel.available)
  func `sums have the same bits for any number of threads`(at level: InstructionLevel) {
    let sums = [1, 2, 3, 4].map { threadCount -> [UInt64] in
      let backend = CPUBackend(threadCount: threadCount, level: level)
      let x = backend.random([150_001], seed: 10)
      return [backend.sum(x).bitPattern, backend.sumOfSquares(x).bitPattern]
    }
    #expect(Set(sums).count == 1)
  }

  @Test(arguments: InstructionLevel.available)
  func `column sums have the same bits for any number of threads`(at level: InstructionLevel) {
    let sums = [1, 2, 3, 4].map { threadCount -> [[UInt32]] in
      let backend = CPUBackend(threadCount: threadCount, level: level)
      let sums = backend.random([96], seed: 11)
      backend.accumulateColumnSums(of: Matrix(backend.random([1001, 96], seed: 12)), into: sums)
      return bits([sums])
    }
    #expect(Set(sums).count == 1)
  }
}
