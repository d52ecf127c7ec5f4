internal import CKernels
package import TensorCore

extension CPUBackend {
  package func copyRows(
    of source: Tensor, _ sourceRows: Tensor?, to destination: Tensor, _ destinationRows: Tensor?, count: Int
  ) {
    let (width, size) = (source.rowWidth, source.rowWidth * source.dtype.byteCount)
    let (from, to) = (RowList(sourceRows, of: source), RowList(destinationRows, of: destination))
    checkRows(source, from, destination, to, count: count)
    let (sourceStart, destinationStart) = unsafe (source.rawAddress(of: 0), destination.rawAddress(of: 0))
    forEachRowBlock(of: count, width: width) { entries in
      for entry in entries {
        unsafe (destinationStart + to[entry] * size).copyMemory(from: sourceStart + from[entry] * size, byteCount: size)
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
    let (sourceStart, destinationStart) = unsafe (source.address, destination.address)
    let frozen = frozenRow.map { Int($0) }
    // By columns, for destination rows may be equal: each thread keeps the order of the entries.
    forEachBlock(of: width, by: columnsPerTask(width: width, rowCount: count)) { _, columns in
      for entry in 0..<count where to[entry] != frozen {
        unsafe kernels.add(
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
@safe private struct RowList {
  private let list: UnsafePointer<Int32>?
  private let listCount: Int
  private let rowCount: Int

  init(_ list: Tensor?, of tensor: Tensor) {
    unsafe self.list = unsafe list?.indexAddress
    rowCount = tensor.rowCount
    listCount = list?.count ?? rowCount
  }

  subscript(entry: Int) -> Int { unsafe list.map { unsafe Int($0[entry]) } ?? entry }

  /// Whether it has `count` entries, all of them rows of the tensor.
  func holds(count: Int) -> Bool {
    guard let list = unsafe list else { return count <= rowCount }
    return count == listCount && (0..<count).allSatisfy { unsafe (0..<rowCount).contains(Int(list[$0])) }
  }
}

extension CPUBackend {
  package func rmsNorm(
    _ x: Tensor, plus delta: Tensor?, weight: Tensor, epsilon: Float, sum: Tensor?, output: Tensor, inverse: Tensor
  ) {
    precondition((delta == nil) == (sum == nil), "norm: one of delta and sum alone")
    let width = weight.count
    forEachRowBlock(of: inverse.count, width: width) { rows in
      let start = rows.lowerBound * width
      unsafe kernels.rms_norm(
        x.address + start, delta.map { unsafe $0.address + start }, unsafe weight.address, epsilon,
        unsafe sum.map { unsafe $0.address + start }, output.dtype.kernelType, unsafe output.rawAddress(of: start),
        unsafe inverse.address + rows.lowerBound, rows.count, width)
    }
  }

  package func rmsNormBackward(
    _ x: Tensor, weight: Tensor, inverse: Tensor, outputGradient: Tensor, sumGradient: Tensor?, inputGradient: Tensor,
    weightGradient: Tensor?
  ) {
    let width = weight.count
    func backward(_ rows: Range<Int>, _ weightGradient: UnsafeMutablePointer<Float>?) {
      let start = rows.lowerBound * width
      unsafe kernels.rms_norm_backward(
        x.address + start, weight.address, inverse.address + rows.lowerBound, outputGradient.dtype.kernelType,
        outputGradient.rawAddress(of: start),
        sumGradient.map { unsafe $0.address + start }, unsafe inputGradient.address + start, unsafe weightGradient,
        rows.count, width)
    }
    if let weightGradient {
      unsafe addRowBlockSums(rowCount: inverse.count, width: width, to: weightGradient.address) {
        unsafe backward($0, $1)
      }
    } else {
      forEachRowBlock(of: inverse.count, width: width) { backward($0, nil) }
    }
  }
}
