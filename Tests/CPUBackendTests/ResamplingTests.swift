import CPUBackend
import ReferenceBackend
import TensorCore
import Testing

struct ResamplingTests {
  /// Rows, columns before and after.
  static let sizes = [
    (0, 8, 4), (3, 1, 1), (3, 1, 5), (2, 7, 1), (5, 32, 32), (5, 64, 32), (5, 64, 16), (4, 100, 37), (3, 37, 100),
    (34, 2048, 1024),
  ]

  @Test(arguments: Configuration.all)
  func `columns are interpolated`(in configuration: Configuration) {
    for (rows, before, after) in Self.sizes {
      expectReferenceResults(configuration, within: 3e-7, "\(rows) × \(before) to \(after)") { backend in
        let y = backend.random([rows, after], seed: 1)
        backend.resampleColumns(of: backend.random([rows, before], seed: 2), to: y)
        return [y]
      }
    }
  }

  @Test(arguments: Configuration.all)
  func `gradients go back to the columns they came from`(in configuration: Configuration) {
    for (rows, before, after) in Self.sizes {
      expectReferenceResults(configuration, within: 1e-6, "\(rows) × \(before) to \(after)") { backend in
        let gradient = backend.random([rows, before], seed: 3)
        backend.accumulateResampleGradient(backend.random([rows, after], seed: 4), into: gradient)
        return [gradient]
      }
    }
  }

  @Test func `half of the columns are the means of pairs`() {
    let backend = CPUBackend(threadCount: 1)
    let y = backend.random([1, 3], seed: 5)
    backend.resampleColumns(of: tensor([1, 2, 4, 8, 16, 32], [1, 6], on: backend), to: y)
    #expect(floats(y) == [1.5, 6, 24])
  }
}
