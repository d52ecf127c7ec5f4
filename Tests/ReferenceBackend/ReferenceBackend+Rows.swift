package import TensorCore

extension ReferenceBackend {
  package func copyRows(
    of source: Tensor, _ sourceRows: Tensor?, to destination: Tensor, _ destinationRows: Tensor?, count: Int
  ) {
    precondition(source.dtype == destination.dtype, "copy rows: \(source.dtype) to \(destination.dtype)")
    for (from, to) in rowPairs(sourceRows, destinationRows, count: count) {
      destination.rows(to..<to + 1).bytes.copyMemory(from: UnsafeRawBufferPointer(source.rows(from..<from + 1).bytes))
    }
  }

  package func addRows(
    of source: Tensor, _ sourceRows: Tensor?, to destination: Tensor, _ destinationRows: Tensor?, count: Int,
    skipping frozenRow: Int32?
  ) {
    for (from, to) in rowPairs(sourceRows, destinationRows, count: count) where to != frozenRow.map(Int.init) {
      for column in 0..<destination.rowWidth { destination[to, column] += source[from, column] }
    }
  }

  private func rowPairs(_ from: Tensor?, _ to: Tensor?, count: Int) -> [(Int, Int)] {
    precondition(
      from?.count ?? count == count && to?.count ?? count == count,
      "rows: \(count) from \(from?.count ?? count) to \(to?.count ?? count)")
    return (0..<count).map { (from.map(\.indexElements)?[$0] ?? $0, to.map(\.indexElements)?[$0] ?? $0) }
  }
}
