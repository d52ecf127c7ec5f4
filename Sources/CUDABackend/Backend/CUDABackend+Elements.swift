package import TensorCore

extension CUDABackend {
  // MARK: Values

  package func fill(_ x: Tensor, with value: Float) {
    run { queue throws(CUDAError) in try queue.elements.fill(x.array, with: value, on: queue.stream) }
  }

  package func add(_ x: Tensor, to y: Tensor) {
    run { queue throws(CUDAError) in try queue.elements.add(x.array, to: y.array, on: queue.stream) }
  }

  package func scale(_ x: Tensor, by factor: Float) {
    run { queue throws(CUDAError) in try queue.elements.scale(x.array, by: factor, on: queue.stream) }
  }

  package func addBias(_ bias: Tensor, to y: Matrix) {
    precondition(
      bias.count == y.columnCount && y.dtype == .float32,
      "bias: \(bias.shape) to \(y.columnCount) columns of \(y.dtype)")
    run { queue throws(CUDAError) in try queue.elements.addBias(bias.array, to: y.device, on: queue.stream) }
  }

  // MARK: Sums

  package func accumulateColumnSums(of x: Matrix, into sums: Tensor) {
    precondition(
      sums.count == x.columnCount && x.dtype == .float32,
      "column sums: \(x.columnCount) columns of \(x.dtype) into \(sums.shape)")
    let parts = scratch([SumKernels.columnParts(rowCount: x.rowCount), x.columnCount])
    run { queue throws(CUDAError) in
      try queue.sums.addColumns(of: x.device, to: sums.array, parts: parts.array, on: queue.stream)
    }
  }

  package func accumulateSum(of x: Tensor, into total: Tensor) { accumulate(x, squared: false, into: total) }

  package func accumulateSumOfSquares(of x: Tensor, into total: Tensor) { accumulate(x, squared: true, into: total) }

  private func accumulate(_ x: Tensor, squared: Bool, into total: Tensor) {
    let parts = scratch([SumKernels.partCount], of: .float64)
    run { queue throws(CUDAError) in
      try queue.sums.add(x.array, squared: squared, parts: parts.array, to: total.array, on: queue.stream)
    }
  }

  package func accumulateMatches(of x: Tensor, with y: Tensor, into total: Tensor) {
    precondition(x.count == y.count, "matches: \(x.shape) with \(y.shape)")
    run { queue throws(CUDAError) in
      try queue.sums.addMatches(of: x.array, with: y.array, to: total.array, on: queue.stream)
    }
  }

  package func argmax(of x: Tensor, into columns: Tensor) {
    precondition(columns.count == x.rowCount, "argmax: \(x.shape) into \(columns.shape)")
    run { queue throws(CUDAError) in
      try queue.sums.largestColumns(of: x.array, into: columns.array, on: queue.stream)
    }
  }

  // MARK: Rows

  package func copyRows(
    of source: Tensor, _ sourceRows: Tensor?, to destination: Tensor, _ destinationRows: Tensor?, count: Int
  ) {
    checkRows(source, sourceRows, destination, destinationRows, count: count)
    run { queue throws(CUDAError) in
      try queue.rows.copy(
        source.array, sourceRows?.array, to: destination.array, destinationRows?.array, width: source.rowWidth,
        count: count, on: queue.stream)
    }
  }

  package func addRows(
    of source: Tensor, _ sourceRows: Tensor?, to destination: Tensor, _ destinationRows: Tensor?, count: Int,
    skipping frozenRow: Int32?
  ) {
    checkRows(source, sourceRows, destination, destinationRows, count: count)
    precondition(source.dtype == .float32, "rows: of \(source.dtype) added")
    let scratch = scratch([destinationRows == nil ? 0 : RowKernels.scratchCount(count)], of: .int32)
    run { queue throws(CUDAError) in
      try queue.rows.add(
        source.array, sourceRows?.array, to: destination.array, destinationRows?.array, width: source.rowWidth,
        rowCount: destination.rowCount, count: count, skipping: frozenRow.map(Int.init), scratch: scratch.array,
        on: queue.stream)
    }
  }

  /// What the lists hold, the device alone knows.
  private func checkRows(
    _ source: Tensor, _ sourceRows: Tensor?, _ destination: Tensor, _ destinationRows: Tensor?, count: Int
  ) {
    precondition(
      source.rowWidth == destination.rowWidth && source.dtype == destination.dtype,
      "rows: of \(source.shape) to \(destination.shape)")
    precondition(
      sourceRows?.count ?? count == count && destinationRows?.count ?? count == count
        && (sourceRows != nil || count <= source.rowCount)
        && (destinationRows != nil || count <= destination.rowCount),
      "rows: \(count) of \(source.shape) to \(destination.shape)")
  }

  // MARK: Resampling

  package func resampleColumns(of x: Tensor, to y: Tensor) {
    precondition(x.rowCount == y.rowCount, "resample: \(x.shape) to \(y.shape)")
    guard x.shape != y.shape else { return pool.memory.copy(x.range, to: y.range) }
    run { queue throws(CUDAError) in
      try queue.elements.resample(
        x.array, width: x.rowWidth, to: y.array, count: y.rowWidth, on: queue.stream)
    }
  }

  package func accumulateResampleGradient(_ yGradient: Tensor, into xGradient: Tensor) {
    precondition(
      yGradient.rowCount == xGradient.rowCount, "resample gradient: \(yGradient.shape) into \(xGradient.shape)")
    guard yGradient.shape != xGradient.shape else { return add(yGradient, to: xGradient) }
    run { queue throws(CUDAError) in
      try queue.elements.resampleBackward(
        yGradient.array, count: yGradient.rowWidth, into: xGradient.array, width: xGradient.rowWidth,
        on: queue.stream)
    }
  }
}
