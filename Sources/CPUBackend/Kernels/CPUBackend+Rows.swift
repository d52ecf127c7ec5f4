internal import CKernels
package import TensorCore

extension CPUBackend {
  package func copyRows(
    of source: Tensor, _ sourceRows: Tensor?, to destination: Tensor, _ destinationRows: Tensor?, count: Int
  ) {
    let (width, size) = (source.rowWidth, source.rowWidth * source.dtype.byteCount)
    let (from, to) = (RowList(sourceRows, of: source), RowList(destinationRows, of: destination))
    checkRows(source, from, destination, to, count: count)
    let (sourceStart, destinationStart) = (source.rawAddress(of: 0), destination.rawAddress(of: 0))
    forEachRowBlock(of: count, width: width) { entries in
      for entry in entries {
        (destinationStart + to[entry] * size).copyMemory(from: sourceStart + from[entry] * size, byteCount: size)
      }
    }
  }

  package func addRows(
    of source: Tensor, _ sourceRows: Tensor?, to destination: Tensor, _ destinationRows: Tensor?, count: Int,
    skipping frozenRow: Int32?
  ) {
    let width = source.rowWidth
    let (from, to) = (RowList(sourceRows, of: source), RowList(destinationRows, of: destination))
    checkRows(source, from, destination, to, count: count)
    let (sourceStart, destinationStart) = (source.address, destination.address)
    let frozen = frozenRow.map { Int($0) }
    // By columns, for destination rows may be equal: each thread keeps the order of the entries.
    forEachBlock(of: width, by: columnsPerTask(width: width, rowCount: count)) { _, columns in
      for entry in 0..<count where to[entry] != frozen {
        kernels.add(
          sourceStart + from[entry] * width + columns.lowerBound,
          destinationStart + to[entry] * width + columns.lowerBound, columns.count)
      }
    }
  }

  /// Whole cache lines, as many as there are threads for, and all columns if the work is small.
  private func columnsPerTask(width: Int, rowCount: Int) -> Int {
    guard width * rowCount > Self.blockElements else { return max(1, width) }
    return max(64, (width / threadCount + 15) & ~15)
  }

  private func checkRows(_ source: Tensor, _ from: RowList, _ destination: Tensor, _ to: RowList, count: Int) {
    precondition(
      source.rowWidth == destination.rowWidth && source.dtype == destination.dtype,
      "rows: of \(source.shape) to \(destination.shape)")
    guard workers.runsTasks else { return }
    precondition(from.holds(count: count), "rows: \(count), or one of them outside \(source.shape)")
    precondition(to.holds(count: count), "rows: \(count), or one of them outside \(destination.shape)")
  }
}

/// Rows of a tensor in some order: as listed, or one after the other.
private struct RowList {
  private let list: UnsafePointer<Int32>?
  private let listCount: Int
  private let rowCount: Int

  init(_ list: Tensor?, of tensor: Tensor) {
    self.list = list?.indexAddress
    rowCount = tensor.rowCount
    listCount = list?.count ?? rowCount
  }

  subscript(entry: Int) -> Int { list.map { Int($0[entry]) } ?? entry }

  /// Whether it has `count` entries, all of them rows of the tensor.
  func holds(count: Int) -> Bool {
    guard let list else { return count <= rowCount }
    return count == listCount && (0..<count).allSatisfy { (0..<rowCount).contains(Int(list[$0])) }
  }
}
