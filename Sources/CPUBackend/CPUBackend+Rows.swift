internal import CKernels
package import TensorCore

extension CPUBackend {
  package func copyRows(
    of source: Tensor, _ sourceRows: [Int32], to destination: Tensor, _ destinationRows: [Int32]
  ) {
    let width = source.rowWidth
    checkRows(source, sourceRows, destination, destinationRows)
    forEachRowBlock(of: sourceRows.count, width: width) { entries in
      for entry in entries {
        let from = source.address + Int(sourceRows[entry]) * width
        (destination.address + Int(destinationRows[entry]) * width).update(from: from, count: width)
      }
    }
  }

  package func addRows(
    of source: Tensor, _ sourceRows: [Int32], to destination: Tensor, _ destinationRows: [Int32]
  ) {
    let width = source.rowWidth
    checkRows(source, sourceRows, destination, destinationRows)
    // By columns, for destination rows may be equal: each thread keeps the order of the entries.
    forEachBlock(of: width, by: columnsPerTask(width: width, rowCount: sourceRows.count)) { _, columns in
      for (sourceRow, destinationRow) in zip(sourceRows, destinationRows) {
        kernels.add(
          source.address + Int(sourceRow) * width + columns.lowerBound,
          destination.address + Int(destinationRow) * width + columns.lowerBound, columns.count)
      }
    }
  }

  /// Whole cache lines, as many as there are threads for, and all columns if the work is small.
  private func columnsPerTask(width: Int, rowCount: Int) -> Int {
    guard width * rowCount > Self.blockElements else { return max(1, width) }
    return max(64, (width / threadCount + 15) & ~15)
  }

  private func checkRows(
    _ source: Tensor, _ sourceRows: [Int32], _ destination: Tensor, _ destinationRows: [Int32]
  ) {
    precondition(
      source.rowWidth == destination.rowWidth && sourceRows.count == destinationRows.count,
      "rows: \(sourceRows.count) of \(source.shape) to \(destinationRows.count) of \(destination.shape)")
    precondition(
      sourceRows.allSatisfy { $0 >= 0 && $0 < source.rowCount }, "rows: a source row outside \(source.shape)")
    precondition(
      destinationRows.allSatisfy { $0 >= 0 && $0 < destination.rowCount },
      "rows: a destination row outside \(destination.shape)")
  }
}
