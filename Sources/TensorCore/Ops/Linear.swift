extension Tape {
  /// `x · weightᵀ (+ bias)`.
  ///
  /// - Parameters:
  ///   - x: `[R, K]`.
  ///   - weight: `[N, K]`.
  ///   - bias: `[N]`.
  ///   - recompute: recomputes `x` for the backward pass, so that it need not be kept.
  ///   - endsSegment: whether the result is the last of a segment that may be run again (``recomputing(_:_:_:)``) and nothing in it
  ///     reads the result: it is then not computed a second time.
  ///   - dtype: of the result, which others than one op must not read if it is not single precision.
  /// - Returns: `[R, N]`.
  package func linear(
    _ x: Tensor, weight: Tensor, bias: Tensor? = nil, recompute: Recompute? = nil, endsSegment: Bool = false,
    dtype: DType = .float32
  ) -> Tensor {
    precondition(x.rowWidth == weight.rowWidth, "linear: \(x.shape) against weight \(weight.shape)")
    precondition(bias.map { $0.count == weight.rowCount } ?? true, "linear: bias \(bias?.shape ?? [])")
    let y = output([x.rowCount, weight.rowCount], of: dtype)
    if !(endsSegment && isRerun) {
      backend.multiply(Matrix(x), Matrix(weight).transposed, into: Matrix(y), scale: 1, accumulate: false)
      if let bias { backend.addBias(bias, to: Matrix(y)) }
    }
    let saved = SavedTensor(x, recompute: recompute)
    record(y, addingTo: [x, weight, bias]) { [self] gradient in
      let x = saved.restored(like: self)
      backward(of: Matrix(gradient), through: Matrix(weight), from: x)
      accumulateWeightGradient(Matrix(gradient), x, weight: weight, bias: bias)
    }
    return y
  }

  private func backward(of gradient: Matrix, through weight: Matrix, from x: Tensor) {
    guard let (xGradient, accumulates) = destination(for: x) else { return }
    backend.multiply(gradient, weight, into: Matrix(xGradient), scale: 1, accumulate: accumulates)
  }

  private func accumulateWeightGradient(_ gradient: Matrix, _ x: Tensor, weight: Tensor, bias: Tensor?) {
    if let (weightGradient, accumulates) = destination(for: weight) {
      backend.multiply(
        gradient.transposed, Matrix(x), into: Matrix(weightGradient), scale: 1, accumulate: accumulates)
    }
    if let bias, let (biasGradient, accumulates) = destination(for: bias) {
      precondition(accumulates, "linear: a bias is a parameter")
      backend.accumulateColumnSums(of: gradient, into: biasGradient)
    }
  }
}
