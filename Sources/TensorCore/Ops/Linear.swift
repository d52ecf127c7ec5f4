extension Tape {
  /// `x · weightᵀ (+ bias)`.
  ///
  /// - Parameters:
  ///   - x: `[R, K]`.
  ///   - weight: `[N, K]`.
  ///   - bias: `[N]`.
  /// - Returns: `[R, N]`.
  package func linear(_ x: Tensor, weight: Tensor, bias: Tensor? = nil) -> Tensor {
    precondition(x.rowWidth == weight.rowWidth, "linear: \(x.shape) against weight \(weight.shape)")
    precondition(bias.map { $0.count == weight.rowCount } ?? true, "linear: bias \(bias?.shape ?? [])")
    let y = output([x.rowCount, weight.rowCount])
    backend.multiply(Matrix(x), Matrix(weight).transposed, into: Matrix(y), scale: 1, accumulate: false)
    if let bias { backend.addBias(bias, to: Matrix(y)) }
    record(addingTo: [x, weight, bias]) { [self] in
      guard let gradient = takeGradient(of: y) else { return }
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
