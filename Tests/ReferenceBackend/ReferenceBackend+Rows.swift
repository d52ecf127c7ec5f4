package import TensorCore

extension ReferenceBackend {
  package func copyRows(
    of source: Tensor, _ sourceRows: [Int32], to destination: Tensor, _ destinationRows: [Int32]
  ) {
    precondition(
      sourceRows.count == destinationRows.count, "copy rows: \(sourceRows.count) to \(destinationRows.count)")
    for (from, to) in zip(sourceRows, destinationRows) {
      destination[row: Int(to)] = source[row: Int(from)]
    }
  }

  package func addRows(
    of source: Tensor, _ sourceRows: [Int32], to destination: Tensor, _ destinationRows: [Int32]
  ) {
    precondition(
      sourceRows.count == destinationRows.count, "add rows: \(sourceRows.count) to \(destinationRows.count)")
    for (from, to) in zip(sourceRows, destinationRows) {
      for column in 0..<destination.rowWidth {
        destination[Int(to), column] += source[Int(from), column]
      }
    }
  }
}
