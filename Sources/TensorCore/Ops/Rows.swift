/// Which rows of a tensor: some of those from `start` on.
package struct RowSelection {
  package let start: Int
  /// `[n]` indices, counted from `start`; nil: one row after the other.
  package let indices: Tensor?

  package static var all: RowSelection { RowSelection() }

  package init(_ indices: Tensor? = nil, from start: Int = 0) {
    precondition(indices?.dtype ?? .int32 == .int32, "rows: numbers of \(indices?.dtype ?? .int32)")
    self.start = start
    self.indices = indices
  }

  /// The rows of `tensor` that the indices are counted from.
  fileprivate func rows(of tensor: Tensor) -> Tensor { tensor.rows(start..<tensor.rowCount) }
}

/// Rows of one tensor on their way into another.
package struct RowSource {
  package let tensor: Tensor
  fileprivate let transfer: RowTransfer

  /// - Parameters:
  ///   - rows: the row of `tensor` for each of `destination`.
  ///   - count: how many; needed where neither selection lists its rows and it is not all of the first.
  ///   - frozenRow: a row of `tensor` that takes no gradient: the embedding of a padding id.
  package init(
    _ tensor: Tensor, rows: RowSelection, to destination: RowSelection, count: Int? = nil, frozenRow: Int32? = nil
  ) {
    let counts = [count, rows.indices?.count, destination.indices?.count].compactMap { $0 }
    precondition(counts.allSatisfy { $0 == counts[0] }, "rows: \(counts) at a time")
    self.tensor = tensor
    transfer = RowTransfer(
      rows: rows, destination: destination, count: counts.first ?? tensor.rowCount - rows.start, frozenRow: frozenRow)
  }
}

/// Which rows go where.
private struct RowTransfer {
  let rows: RowSelection
  let destination: RowSelection
  let count: Int
  let frozenRow: Int32?

  func run(from source: Tensor, to destination: Tensor, on backend: any Backend) {
    backend.copyRows(
      of: rows.rows(of: source), rows.indices, to: self.destination.rows(of: destination), self.destination.indices,
      count: count)
  }

  func runBackwards(from gradient: Tensor, to sourceGradient: Tensor, on backend: any Backend) {
    backend.addRows(
      of: destination.rows(of: gradient), destination.indices, to: rows.rows(of: sourceGradient), rows.indices,
      count: count, skipping: frozenRow.map { $0 - Int32(rows.start) })
  }
}

extension Tape {
  /// A tensor put together from rows of others: embeddings and learned vectors in the order that a model wants.
  ///
  /// - Parameters:
  ///   - dtype: of the result.
  ///   - sources: together they fill each of the `count` rows exactly once; equal row widths.
  /// - Returns: `[count, D]`.
  package func assemble(count: Int, dtype: DType = .float32, _ sources: [RowSource]) -> Tensor {
    let width = sources.first?.tensor.rowWidth ?? 0
    let filled = sources.reduce(0) { $0 + $1.transfer.count }
    precondition(filled == count, "assemble: \(filled) of \(count) rows")
    precondition(sources.allSatisfy { $0.tensor.rowWidth == width }, "assemble: unequal widths")
    let y = output([count, width], of: dtype)
    for source in sources { source.transfer.run(from: source.tensor, to: y, on: backend) }
    guard isRecording else { return y }
    let parts = sources.map { (transfer: $0.transfer, place: $0.tensor.place) }
    record(y, addingTo: sources.map(\.tensor)) { [self] gradient in
      for (transfer, place) in parts {
        guard let (sourceGradient, accumulates) = destination(for: place) else { continue }
        if !accumulates { backend.fill(sourceGradient, with: 0) }
        transfer.runBackwards(from: gradient, to: sourceGradient, on: backend)
      }
    }
    return y
  }

  /// Chosen rows of `x` `[R, D]`, in the given order, each at most once.
  ///
  /// - Parameter count: how many; needed where they are not listed.
  /// - Returns: `[count, D]`.
  package func select(_ x: Tensor, rows: RowSelection, count: Int? = nil) -> Tensor {
    let source = RowSource(x, rows: rows, to: .all, count: count)
    return assemble(count: source.transfer.count, dtype: x.dtype, [source])
  }

  /// Chosen elements of a list of indices, which have no gradient.
  ///
  /// - Parameter positions: `[n]`.
  /// - Returns: `[n]`.
  package func gather(_ indices: Tensor, at positions: Tensor) -> Tensor {
    let chosen = buffer([positions.count], of: indices.dtype)
    backend.copyRows(of: indices, positions, to: chosen, nil, count: positions.count)
    return chosen
  }
}

extension Tape {
  /// Each row of `x` `[D, N]` linearly interpolated to `width` columns; `x` itself if it has that many.
  package func resample(_ x: Tensor, width: Int) -> Tensor {
    guard width != x.rowWidth else { return x }
    let y = output([x.rowCount, width])
    backend.resampleColumns(of: x, to: y)
    let place = x.place
    record(y, addingTo: [x]) { [self] gradient in
      guard let (xGradient, accumulates) = destination(for: place) else { return }
      if !accumulates { backend.fill(xGradient, with: 0) }
      backend.accumulateResampleGradient(gradient, into: xGradient)
    }
    return y
  }
}
