extension Tape {
  /// Root-mean-square norm of `x + delta`, and the sum itself: the residual stream after a block's branch.
  ///
  /// - Parameters:
  ///   - x: `[R, D]`.
  ///   - delta: `[R, D]`.
  ///   - weight: `[D]`.
  ///   - dtype: of the norm and its gradient, which more than one op must not read if it is not single precision.
  package func norm(
    _ x: Tensor, plus delta: Tensor, weight: Tensor, epsilon: Float, dtype: DType = .float32
  ) -> (sum: Tensor, normed: Tensor) {
    precondition(x.shape == delta.shape, "norm: \(x.shape) plus \(delta.shape)")
    precondition(weight.count == x.rowWidth, "norm: weight \(weight.shape) for \(x.shape)")
    let sum = output(x.shape, of: x.dtype)
    let normed = output(x.shape, of: dtype)
    let inverse = buffer([x.rowCount])
    backend.rmsNorm(
      x, plus: delta, weight: weight, epsilon: epsilon, sum: sum, output: normed, inverse: inverse)
    let (inputs, normedPlace) = ([x.place, delta.place], normed.place)
    record(addingTo: [x, delta, weight]) { [self] in
      let sumGradient = takeGradient(of: sum.place)
      guard let normedGradient = takeGradient(of: normedPlace) else {
        if let sumGradient { contribute(Pending(gradient: sumGradient, isShared: true), to: inputs) }
        return
      }
      let gradient = buffer(sum.shape, of: types.gradient(of: sum.dtype))
      backend.rmsNormBackward(
        sum, weight: weight, inverse: inverse, outputGradient: normedGradient, sumGradient: sumGradient,
        inputGradient: gradient, weightGradient: weight.parameterGradient)
      contribute(Pending(gradient: gradient, isShared: true), to: inputs)
    }
    return (sum, normed)
  }

  /// Root-mean-square norm of `x` `[R, D]`.
  ///
  /// - Parameter dtype: as above.
  package func norm(_ x: Tensor, weight: Tensor, epsilon: Float, dtype: DType = .float32) -> Tensor {
    precondition(weight.count == x.rowWidth, "norm: weight \(weight.shape) for \(x.shape)")
    let normed = output(x.shape, of: dtype)
    let inverse = buffer([x.rowCount])
    backend.rmsNorm(x, plus: nil, weight: weight, epsilon: epsilon, sum: nil, output: normed, inverse: inverse)
    record(normed, addingTo: [x, weight]) { [self] normedGradient in
      let gradient = buffer(x.shape, of: types.gradient(of: x.dtype))
      backend.rmsNormBackward(
        x, weight: weight, inverse: inverse, outputGradient: normedGradient, sumGradient: nil,
        inputGradient: gradient, weightGradient: weight.parameterGradient)
      contribute(gradient, to: x)
    }
    return normed
  }
}
