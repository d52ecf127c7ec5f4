extension Tape {
  /// `(silu(gate) · up) · weightᵀ`: what is multiplied by the weight is not kept, for its making is the beginning of the
  /// backward pass anyway.
  ///
  /// - Parameters:
  ///   - gateUp: `[R, 2I]`, gate columns first.
  ///   - weight: `[N, I]`.
  ///   - endsSegment: as in ``linear(_:weight:bias:recompute:endsSegment:)``.
  /// - Returns: `[R, N]`, a branch's output.
  package func gatedLinear(_ gateUp: Tensor, weight: Tensor, endsSegment: Bool = false) -> Tensor {
    precondition(gateUp.rowWidth == 2 * weight.rowWidth, "gated linear: \(gateUp.shape) against \(weight.shape)")
    precondition(gateUp.parameterGradient == nil, "gated linear: a parameter would be overwritten in the backward pass")
    let y = output([gateUp.rowCount, weight.rowCount], of: types.residual)
    if !(endsSegment && isRerun) {
      let gated = buffer([gateUp.rowCount, weight.rowWidth], of: gateUp.dtype)
      backend.swiGLU(gateUp, output: gated)
      backend.multiply(Matrix(gated), Matrix(weight).transposed, into: Matrix(y), scale: 1, accumulate: false)
    }
    record(y, addingTo: [gateUp, weight]) { [self] gradient in
      // First the gradient of what was multiplied, then that itself in its place.
      let gated = buffer([gateUp.rowCount, weight.rowWidth], of: gateUp.dtype)
      let gateUpGradient = inPlace(of: gateUp)
      backend.multiply(Matrix(gradient), Matrix(weight), into: Matrix(gated), scale: 1, accumulate: false)
      backend.swiGLUBackward(gateUp, outputGradient: gated, gateUpGradient: gateUpGradient, output: gated)
      if let (weightGradient, accumulates) = destination(for: weight) {
        backend.multiply(
          Matrix(gradient).transposed, Matrix(gated), into: Matrix(weightGradient), scale: 1, accumulate: accumulates)
      }
      contribute(gateUpGradient, to: gateUp)
    }
    return y
  }

  /// Memory for the gradient of `x`: that of `x` itself, which nobody reads again, if the types agree.
  private func inPlace(of x: Tensor) -> Tensor {
    let dtype = types.gradient(of: x.dtype)
    return dtype == x.dtype ? x.withoutOrigin : buffer(x.shape, of: dtype)
  }
}
