extension Tape {
  /// Queries, keys and values of one attention call in one packed tensor `[rows, q | k | v]`.
  ///
  /// Where the shape drops the first segment's queries, these are not computed: their place holds arbitrary values,
  /// forward and backward.
  ///
  /// - Parameters:
  ///   - x: `[rows, D]`.
  ///   - weight: `[packedWidth, D]`, a parameter: query rows first, then keys, then values.
  ///   - bias: `[packedWidth]`.
  ///   - remaking: makes `x` again for the backward pass, so that it need not be kept.
  ///   - dtype: of the result; single precision where there is a bias.
  package func packedProjection(
    _ x: Tensor, weight: Tensor, bias: Tensor?, shape: AttentionShape, remaking: Remaking? = nil,
    dtype: DType = .float32
  ) -> Tensor {
    precondition(bias == nil || dtype == .float32, "projection: a bias is added to \(dtype)")
    precondition(x.rowCount == shape.rowCount, "projection: \(x.shape) for \(shape.rowCount) rows")
    precondition(
      weight.shape == [shape.packedWidth, x.rowWidth], "projection: weight \(weight.shape) for \(x.shape)")
    let y = output([x.rowCount, shape.packedWidth], of: dtype)
    for part in shape.projectedParts {
      backend.multiply(
        Matrix(x).part(rows: part.rows, columns: 0..<x.rowWidth), Matrix(weight.rows(part.columns)).transposed,
        into: Matrix(y).part(rows: part.rows, columns: part.columns), scale: 1, accumulate: false)
      if let bias {
        backend.addBias(bias.rows(part.columns), to: Matrix(y).part(rows: part.rows, columns: part.columns))
      }
    }
    let saved = SavedTensor(x, remaking: remaking)
    record(y, addingTo: [x, weight, bias]) { [self] gradient in
      packedProjectionBackward(
        gradient, saved.restored(like: self), weight: weight, bias: bias, shape: shape)
    }
    return y
  }

  private func packedProjectionBackward(
    _ gradient: Tensor, _ x: Tensor, weight: Tensor, bias: Tensor?, shape: AttentionShape
  ) {
    let columns = 0..<x.rowWidth
    for part in shape.projectedParts {
      let partGradient = Matrix(gradient).part(rows: part.rows, columns: part.columns)
      // The first part covers all rows, so that the second can add to it.
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

extension AttentionShape {
  /// The rectangles of the packed tensor that are computed; the first covers all rows.
  fileprivate var projectedParts: [(rows: Range<Int>, columns: Range<Int>)] {
    guard dropsFirstQueries else { return [(0..<rowCount, 0..<packedWidth)] }
    return [(0..<rowCount, queryWidth..<packedWidth), (queryRows, 0..<queryWidth)]
  }
}
