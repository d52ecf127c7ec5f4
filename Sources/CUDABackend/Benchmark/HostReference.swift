internal import TensorCore

/// What the processor's kernels give for the inputs of a check: the results that a device's are compared with.
struct HostReference {
  let backend: any Backend

  /// Of one attention call and its backward pass.
  struct Attention {
    let output: [Float]
    let packedGradient: [Float]
    /// `[query norm | key norm]`; empty without norms.
    let normGradients: [Float]
  }

  func attention(_ inputs: AttentionInputs) -> Attention {
    let (shape, D) = (inputs.shape, inputs.shape.headWidth)
    let rows = shape.queryRows.count
    let packed = tensor(inputs.packed, [shape.rowCount, shape.packedWidth])
    let norms = inputs.norms.isEmpty ? nil : tensor(inputs.norms, [2, D])
    let tables = AttentionTables(
      cosines: tensor(inputs.cosines, [shape.pattern.positionCount, D / 2]),
      sines: tensor(inputs.sines, [shape.pattern.positionCount, D / 2]), queryNorm: norms?.rows(0..<1).reshaped([D]),
      keyNorm: norms?.rows(1..<2).reshaped([D]), normEpsilon: AttentionInputs.epsilon)
    let (output, logSumExp) = (zeros([rows, shape.queryWidth]), zeros([rows, shape.headCount]))
    backend.attention(packed, shape: shape, tables: tables, output: output, logSumExp: logSumExp)
    let (gradient, normGradients) = (zeros([shape.rowCount, shape.packedWidth]), zeros([2, D]))
    backend.attentionBackward(
      packed, shape: shape, tables: tables, output: output, logSumExp: logSumExp,
      outputGradient: tensor(inputs.outputGradient, [rows, shape.queryWidth]), packedGradient: gradient,
      queryNormGradient: norms.map { _ in normGradients.rows(0..<1).reshaped([D]) },
      keyNormGradient: norms.map { _ in normGradients.rows(1..<2).reshaped([D]) })
    return Attention(
      output: output.values, packedGradient: gradient.values,
      normGradients: norms.map { _ in normGradients.values } ?? [])
  }

  /// Sum, output, and gradients of input and weight.
  func norm(
    _ x: [Float], plus delta: [Float], weight: [Float], epsilon: Float, outputGradient: [Float], sumGradient: [Float]
  ) -> (sum: [Float], output: [Float], inputGradient: [Float], weightGradient: [Float]) {
    let shape = [x.count / weight.count, weight.count]
    let (sum, output, inverse) = (zeros(shape), zeros(shape), zeros([shape[0]]))
    let weight = tensor(weight, [weight.count])
    backend.rmsNorm(
      tensor(x, shape), plus: tensor(delta, shape), weight: weight, epsilon: epsilon, sum: sum, output: output,
      inverse: inverse)
    let (inputGradient, weightGradient) = (zeros(shape), zeros([shape[1]]))
    backend.rmsNormBackward(
      sum, weight: weight, inverse: inverse, outputGradient: tensor(outputGradient, shape),
      sumGradient: tensor(sumGradient, shape), inputGradient: inputGradient, weightGradient: weightGradient)
    return (sum.values, output.values, inputGradient.values, weightGradient.values)
  }

  func swiGLU(_ gateUp: [Float], outputGradient: [Float], width: Int) -> (output: [Float], gradient: [Float]) {
    let rowCount = outputGradient.count / width
    let (input, output) = (tensor(gateUp, [rowCount, 2 * width]), zeros([rowCount, width]))
    backend.swiGLU(input, output: output)
    let gradient = zeros([rowCount, 2 * width])
    backend.swiGLUBackward(
      input, outputGradient: tensor(outputGradient, [rowCount, width]), gateUpGradient: gradient)
    return (output.values, gradient.values)
  }

  func crossEntropy(
    _ logits: [Float], targets: [Int32], gradientScale: Float
  ) -> (losses: [Float], gradient: [Float]) {
    let (logits, losses) = (tensor(logits, [targets.count, logits.count / targets.count]), zeros([targets.count]))
    backend.crossEntropy(logits, targets: indices(targets), losses: losses, gradientScale: gradientScale)
    return (losses.values, logits.values)
  }

  /// Rows of a table gathered, and added to a table of zeros.
  func rows(
    _ table: [Float], _ rows: [Int32], width: Int
  ) -> (gathered: [Float], added: [Float]) {
    let (table, packed) = (tensor(table, [table.count / width, width]), zeros([rows.count, width]))
    let places = indices(rows)
    backend.copyRows(of: table, places, to: packed, nil, count: rows.count)
    let sums = zeros(table.shape)
    backend.addRows(of: packed, nil, to: sums, places, count: rows.count, skipping: nil)
    return (packed.values, sums.values)
  }

  /// Weights and moments after one step.
  func adamW(
    _ step: AdamWStep, _ control: UpdateControl, weights: [Float], gradients: [Float], firstMoments: [Float],
    secondMoments: [Float]
  ) -> (weights: [Float], firstMoments: [Float], secondMoments: [Float]) {
    let state = [weights, firstMoments, secondMoments].map { tensor($0, [$0.count]) }
    backend.adamW(
      step, control: Tensor(doubles: control.values, pool: backend.pool), weights: state[0],
      gradients: tensor(gradients, [gradients.count]), firstMoments: state[1], secondMoments: state[2])
    return (state[0].values, state[1].values, state[2].values)
  }

  /// What follows from a summed loss and the sum of all squared gradients after so many updates.
  func decided(
    _ decision: UpdateDecision, lossSum: Double, squares: Double, updateCount: Int
  ) -> UpdateControl {
    let before = UpdateControl(gradientScale: 0, correction1: 0, correction2: 0, updateCount: updateCount)
    let control = Tensor(doubles: before.values, pool: backend.pool)
    backend.decideUpdate(decision, sums: Tensor(doubles: [lossSum, squares], pool: backend.pool), control: control)
    return UpdateControl(control.doubles)
  }

  func sumOfSquares(_ x: [Float]) -> Double { backend.sumOfSquares(tensor(x, [x.count])) }

  /// `[m, n]`, of `a` `[m, k]` and `b` `[n, k]`.
  func product(_ a: [Float], _ b: [Float], m: Int, n: Int) -> [Float] {
    let c = zeros([m, n])
    backend.multiply(
      Matrix(tensor(a, [m, a.count / m])), Matrix(tensor(b, [n, b.count / n])).transposed, into: Matrix(c), scale: 1,
      accumulate: false)
    return c.values
  }

  private func tensor(_ values: [Float], _ shape: [Int]) -> Tensor { Tensor(values, shape: shape, backend: backend) }

  private func indices(_ values: [Int32]) -> Tensor { Tensor(indices: values, pool: backend.pool) }

  private func zeros(_ shape: [Int]) -> Tensor {
    tensor([Float](repeating: 0, count: shape.reduce(1, *)), shape)
  }
}

/// What an attention call of a check reads, as plain values.
struct AttentionInputs {
  static let epsilon: Float = 1e-6

  let shape: AttentionShape
  let packed: [Float]
  let outputGradient: [Float]
  /// `[positions, headWidth / 2]` each.
  let cosines: [Float]
  let sines: [Float]
  /// `[query norm | key norm]`, or empty.
  let norms: [Float]
}
