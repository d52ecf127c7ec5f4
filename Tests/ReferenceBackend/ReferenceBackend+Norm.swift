package import TensorCore

extension ReferenceBackend {
  package func rmsNorm(
    _ x: Tensor, plus delta: Tensor?, weight: Tensor, epsilon: Float, sum: Tensor?, output: Tensor, inverse: Tensor
  ) {
    precondition((delta == nil) == (sum == nil), "norm: one of delta and sum alone")
    for row in 0..<x.rowCount {
      var input = x[row: row]
      if let delta, let sum {
        sum[row: row] = zip(input, delta[row: row]).map { $0 + $1 }
        input = sum[row: row]  // Rounded, as the backward pass will find it.
      }
      let factor = inverseRootMeanSquare(input, epsilon: epsilon)
      inverse[row] = factor
      for column in 0..<x.rowWidth { output[row, column] = weight[column] * input[column] * factor }
    }
  }

  package func rmsNormBackward(
    _ x: Tensor, weight: Tensor, inverse: Tensor, outputGradient: Tensor, sumGradient: Tensor?, inputGradient: Tensor,
    weightGradient: Tensor?
  ) {
    let weights = (0..<weight.count).map { weight[$0] }
    var weightGradients = [Double](repeating: 0, count: weight.count)
    for row in 0..<x.rowCount {
      let input = x[row: row]
      let gradient = outputGradient[row: row]
      for column in input.indices { weightGradients[column] += gradient[column] * input[column] * inverse[row] }
      var result = normGradient(input, inverse: inverse[row], weight: weights, outputGradient: gradient)
      if let sumGradient { result = zip(result, sumGradient[row: row]).map { $0 + $1 } }
      inputGradient[row: row] = result
    }
    guard let weightGradient else { return }
    for column in weightGradients.indices { weightGradient[column] += weightGradients[column] }
  }
}
