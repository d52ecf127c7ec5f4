/// Rows of one tensor on their way into another.
package struct RowSource {
  package let tensor: Tensor
  /// Row of `tensor` for each of `destinationRows`.
  package let rows: [Int32]
  package let destinationRows: [Int32]
  /// A row of `tensor` that takes no gradient: the embedding of a padding id.
  package let frozenRow: Int32?

  package init(_ tensor: Tensor, rows: [Int32], to destinationRows: [Int32], frozenRow: Int32? = nil) {
    precondition(rows.count == destinationRows.count, "rows: \(rows.count) to \(destinationRows.count)")
    self.tensor = tensor
    self.rows = rows
    self.destinationRows = destinationRows
    self.frozenRow = frozenRow
  }

  /// The same without the frozen row.
  fileprivate var trained: (rows: [Int32], destinationRows: [Int32]) {
    guard let frozenRow, rows.contains(frozenRow) else { return (rows, destinationRows) }
    let kept = rows.indices.filter { rows[$0] != frozenRow }
    return (kept.map { rows[$0] }, kept.map { destinationRows[$0] })
  }
}

extension Tape {
  /// A tensor put together from rows of others: embeddings and learned vectors in the order that a model wants.
  ///
  /// - Parameter sources: together they fill each of the `count` rows exactly once; equal row widths.
  /// - Returns: `[count, D]`.
  package func assemble(count: Int, _ sources: [RowSource]) -> Tensor {
    let width = sources.first?.tensor.rowWidth ?? 0
    let filled = sources.reduce(0) { $0 + $1.rows.count }
    precondition(filled == count, "assemble: \(filled) of \(count) rows")
    precondition(sources.allSatisfy { $0.tensor.rowWidth == width }, "assemble: unequal widths")
    let y = output([count, width])
    for source in sources {
      backend.copyRows(of: source.tensor, source.rows, to: y, source.destinationRows)
    }
    guard isRecording else { return y }
    let parts = sources.map { (place: $0.tensor.place, trained: $0.trained) }
    record(y, addingTo: sources.map(\.tensor)) { [self] gradient in
      for (place, trained) in parts {
        guard let (sourceGradient, accumulates) = destination(for: place) else { continue }
        if !accumulates { backend.fill(sourceGradient, with: 0) }
        backend.addRows(of: gradient, trained.destinationRows, to: sourceGradient, trained.rows)
      }
    }
    return y
  }

  /// Chosen rows of `x` `[R, D]`, in the given order, each at most once.
  ///
  /// - Returns: `[rows.count, D]`.
  package func select(_ x: Tensor, rows: [Int32]) -> Tensor {
    assemble(count: rows.count, [RowSource(x, rows: rows, to: (0..<Int32(rows.count)).map { $0 })])
  }
}
