import CPUBackend
import ReferenceBackend
import TensorCore
import Testing

struct RowTests {
  /// Entries, rows and width.
  static let sizes = [(0, 3, 4), (1, 1, 1), (5, 9, 17), (300, 400, 130), (9, 12, 4000)]

  @Test(arguments: Configuration.all)
  func `rows are copied from where to where they belong`(in configuration: Configuration) {
    for (entries, rows, width) in Self.sizes {
      expectReferenceResults(configuration, within: 0, "\(entries) of \(rows) × \(width)") { backend in
        let source = backend.random([rows, width], seed: 1)
        let destination = backend.random([rows, width], seed: 2)
        let from = (0..<entries).map { Int32(($0 * 7) % rows) }
        let to = (0..<entries).map { Int32(rows - 1 - $0) }
        backend.copyRows(of: source, from, to: destination, to)
        return [destination]
      }
    }
  }

  @Test(arguments: Configuration.all)
  func `rows are added where several meet`(in configuration: Configuration) {
    for (entries, rows, width) in Self.sizes {
      expectReferenceResults(configuration, within: 1e-6, "\(entries) of \(rows) × \(width)") { backend in
        let source = backend.random([rows, width], seed: 3)
        let destination = backend.random([rows, width], seed: 4)
        let from = (0..<entries).map { Int32(($0 * 5) % rows) }
        let to = (0..<entries).map { Int32(($0 * $0) % ((rows + 2) / 3)) }
        backend.addRows(of: source, from, to: destination, to)
        return [destination]
      }
    }
  }

  @Test(arguments: InstructionLevel.available)
  func `added rows have the same bits for any number of threads`(at level: InstructionLevel) {
    let to = (0..<400).map { Int32(($0 * 13) % 11) }
    let results = [1, 2, 3, 4].map { threadCount -> [[UInt32]] in
      let backend = CPUBackend(threadCount: threadCount, level: level)
      let destination = backend.random([11, 210], seed: 5)
      backend.addRows(of: backend.random([400, 210], seed: 6), (0..<400).map { Int32($0) }, to: destination, to)
      return bits([destination])
    }
    #expect(Set(results).count == 1)
  }
}
