extension Tape {
  /// Queries, keys and values of one attention call in one packed tensor `[rows, q | k | v]`.
  ///
  /// Queries of rows that have none are not computed: their place holds arbitrary values, forward and backward.
  ///
  /// - Parameters:
  ///   - x: `[rows, D]`.
  ///   - weight: `[packedWidth, D]`, a parameter: query rows first, then keys, then values.
  ///   - bias: `[packedWidth]`.
  ///   - queryRows: the rows that have a query; nil for all.
  ///   - recompute: recomputes `x` for the backward pass, so that it need not be kept.
  ///   - dtype: of the result; single precision where there is a bias.
  package func packedProjection(
    _ x: Tensor, weight: Tensor, bias: Tensor?, heads: AttentionHeads, queryRows: [Range<Int>]? = nil,
    recompute: Recompute? = nil, dtype: DType = .float32
  ) -> Tensor {
    precondition(bias == nil || dtype == .float32, "projection: a bias is added to \(dtype)")
    precondition(
      queryRows?.allSatisfy { $0.upperBound <= x.rowCount } ?? true,
      "projection: queries of rows \(queryRows ?? []) of \(x.shape)")
    precondition(
      weight.shape == [heads.packedWidth, x.rowWidth], "projection: weight \(weight.shape) for \(x.shape)")
    let y = output([x.rowCount, heads.packedWidth], of: dtype)
    let parts = heads.projectedParts(rowCount: x.rowCount, queryRows: queryRows)
    for part in parts {
      backend.multiply(
        Matrix(x).part(rows: part.rows, columns: 0..<x.rowWidth), Matrix(weight.rows(part.columns)).transposed,
        into: Matrix(y).part(rows: part.rows, columns: part.columns), scale: 1, accumulate: false)
      if let bias {
        backend.addBias(bias.rows(part.columns), to: Matrix(y).part(rows: part.rows, columns: part.columns))
      }
    }
    let saved = SavedTensor(x, recompute: recompute)
    record(y, addingTo: [x, weight, bias]) { [self] gradient in
      packedProjectionBackward(
        gradient, saved.restored(like: self), weight: weight, bias: bias, parts: parts)
    }
    return y
  }

  private func packedProjectionBackward(
    _ gradient: Tensor, _ x: Tensor, weight: Tensor, bias: Tensor?, parts: [ProjectedPart]
  ) {
    let columns = 0..<x.rowWidth
    for part in parts {
      let partGradient = Matrix(gradient).part(rows: part.rows, columns: part.columns)
      // The first part covers all rows, so that the others can add to it.
      if let (xGradient, accumulates) = destination(for: x) {
        backend.multiply(
          partGradient, Matrix(weight.rows(part.columns)),
          into: Matrix(xGradient).part(rows: part.rows, columns: columns), scale: 1, accumulate: accumulates)
      }
      if let weightGradient = weight.rows(part.columns).parameterGradient {
        backend.multiply(
          partGradient.transposed, Matrix(x).part(rows: part.rows, columns: columns), into: Matrix(weightGradient),
          scale: 1, accumulate: true)
      }
      if let biasGradient = bias?.rows(part.columns).parameterGradient {
        backend.accumulateColumnSums(of: partGradient, into: biasGradient)
      }
    }
  }
}

/// A rectangle of the packed tensor.
private struct ProjectedPart {
  let rows: Range<Int>
  let columns: Range<Int>
}

extension AttentionHeads {
  /// What is computed of the packed tensor; the first part covers all rows.
  fileprivate func projectedParts(rowCount: Int, queryRows: [Range<Int>]?) -> [ProjectedPart] {
    guard let queryRows else { return [ProjectedPart(rows: 0..<rowCount, columns: 0..<packedWidth)] }
    return [ProjectedPart(rows: 0..<rowCount, columns: queryWidth..<packedWidth)]
      + queryRows.map { ProjectedPart(rows: $0, columns: 0..<queryWidth) }
  }
}
