package import TensorCore

extension CUDABackend {
  // MARK: Norm

  package func rmsNorm(
    _ x: Tensor, plus delta: Tensor?, weight: Tensor, epsilon: Float, sum: Tensor?, output: Tensor, inverse: Tensor
  ) {
    precondition((delta == nil) == (sum == nil), "norm: one of delta and sum alone")
    requireSingle("norm", x, delta, sum, weight)
    run { queue throws(CUDAError) in
      try norms(weight, output, queue).forward(
        x.array, plus: sum.flatMap { sum in delta.map { ($0.array, sum.array) } }, weight: weight.array,
        epsilon: epsilon, output: output.array, inverse: inverse.array, on: queue.stream)
    }
  }

  package func rmsNormBackward(
    _ x: Tensor, weight: Tensor, inverse: Tensor, outputGradient: Tensor, sumGradient: Tensor?, inputGradient: Tensor,
    weightGradient: Tensor?
  ) {
    requireSingle("norm", x, weight, sumGradient, inputGradient)
    let parts = scratch([Self.normParts(rowCount: inverse.count), weight.count])
    run { queue throws(CUDAError) in
      try norms(weight, outputGradient, queue).backward(
        x.array, weight: weight.array, inverse: inverse.array, outputGradient: outputGradient.array,
        sumGradient: sumGradient?.array, inputGradient: inputGradient.array, weightGradient: weightGradient?.array,
        parts: parts.array, on: queue.stream)
    }
  }

  /// Partial sums that any device makes; a plan knows none.
  private static func normParts(rowCount: Int) -> Int {
    let mostMultiprocessors = 256
    return NormKernels.partCount(rowCount: rowCount, multiprocessorCount: mostMultiprocessors)
  }

  private func norms(_ weight: Tensor, _ activation: Tensor, _ queue: CUDAQueue) -> NormKernels {
    NormKernels(
      width: weight.count, delta: .float32, activation: activation.dtype.deviceType, library: queue.library)
  }

  /// Refuses mixtures of types that no kernel knows.
  private func requireSingle(_ op: String, _ tensors: Tensor?...) {
    for tensor in tensors {
      precondition(tensor?.dtype ?? .float32 == .float32, "\(op): a stream of \(tensor?.dtype ?? .float32)")
    }
  }

  // MARK: SwiGLU

  package func swiGLU(_ gateUp: Tensor, output: Tensor) {
    precondition(gateUp.dtype == output.dtype, "swiGLU: \(gateUp.dtype) into \(output.dtype)")
    run { queue throws(CUDAError) in
      try queue.elements.swiGLU(gateUp.array, output: output.array, width: output.rowWidth, on: queue.stream)
    }
  }

  package func swiGLUBackward(_ gateUp: Tensor, outputGradient: Tensor, gateUpGradient: Tensor, output: Tensor?) {
    precondition(
      [outputGradient, gateUpGradient, output ?? gateUp].allSatisfy { $0.dtype == gateUp.dtype },
      "swiGLU: types differ")
    run { queue throws(CUDAError) in
      try queue.elements.swiGLUBackward(
        gateUp.array, outputGradient: outputGradient.array, gateUpGradient: gateUpGradient.array,
        output: output?.array, width: outputGradient.rowWidth, on: queue.stream)
    }
  }

  // MARK: Attention

  package func attention(
    _ packed: Tensor, shape: AttentionShape, tables: AttentionTables, output: Tensor, logSumExp: Tensor
  ) {
    precondition(output.dtype == packed.dtype, "attention: \(packed.dtype) into \(output.dtype)")
    let rotated = rotated(packed, shape, tables)
    run { queue throws(CUDAError) in
      try AttentionKernels(shape, type: packed.dtype.deviceType, library: queue.library).forward(
        rows(packed, rotated, shape), output: output.array, logSumExp: logSumExp.array, on: queue.stream)
    }
  }

  package func attentionBackward(
    _ packed: Tensor, shape: AttentionShape, tables: AttentionTables, output: Tensor, logSumExp: Tensor,
    outputGradient: Tensor, packedGradient: Tensor, queryNormGradient: Tensor?, keyNormGradient: Tensor?
  ) {
    precondition(
      [output, outputGradient, packedGradient].allSatisfy { $0.dtype == packed.dtype }, "attention: types differ")
    let rotated = rotated(packed, shape, tables)
    let deltas = scratch([shape.headCount, shape.queryRows.count])
    let parts = tables.queryNorm.map { _ in scratch([RotationKernels.partCount(headWidth: shape.headWidth)]) }
    let type = packed.dtype.deviceType
    run { queue throws(CUDAError) in
      let gradients = AttentionGradients(
        output: outputGradient.array, packed: packedGradient.array, deltas: deltas.array)
      try AttentionKernels(shape, type: type, library: queue.library).backward(
        rows(packed, rotated, shape), output: output.array, logSumExp: logSumExp.array, gradients: gradients,
        on: queue.stream)
      try RotationKernels(shape, type: type, library: queue.library).backward(
        packed: packed.array, tables: tables.device, gradients: packedGradient.array,
        normGradients: queryNormGradient.flatMap { query in keyNormGradient.map { (query.array, $0.array) } },
        parts: parts?.array, on: queue.stream)
    }
  }

  /// Query and key heads, normed and turned, in memory of their own.
  private func rotated(_ packed: Tensor, _ shape: AttentionShape, _ tables: AttentionTables) -> Tensor {
    let width = shape.queryWidth + shape.heads.keyValueWidth
    let rotated = scratch([shape.rowCount, width], of: packed.dtype)
    run { queue throws(CUDAError) in
      try RotationKernels(shape, type: packed.dtype.deviceType, library: queue.library).forward(
        packed: packed.array, tables: tables.device, rotated: rotated.array, stride: width, on: queue.stream)
    }
    return rotated
  }

  private func rows(_ packed: Tensor, _ rotated: Tensor, _ shape: AttentionShape) -> AttentionRows {
    AttentionRows(packed: packed.array, rotated: (rotated.array, rotated.rowWidth), shape: shape)
  }

  package func appendToCache(_ packed: Tensor, heads: AttentionHeads, rows: CachedRows, tables: AttentionTables) {
    run { queue throws(CUDAError) in
      try caches(rows, heads, queue).append(
        packed.array, rows: rows.rows.array, rowCount: rows.count, tables: tables.device,
        to: rows.cache.rows.array, on: queue.stream)
    }
  }

  package func cachedAttention(
    _ packed: Tensor, heads: AttentionHeads, rows: CachedRows, queries: Tensor?, tables: AttentionTables,
    output: Tensor
  ) {
    run { queue throws(CUDAError) in
      try caches(rows, heads, queue).attend(
        packed.array, rows: rows.rows.array, queries: queries?.array, queryCount: queries?.count ?? rows.count,
        tables: tables.device, to: rows.cache.rows.array, output: output.array, on: queue.stream)
    }
  }

  private func caches(_ rows: CachedRows, _ heads: AttentionHeads, _ queue: CUDAQueue) -> CacheKernels {
    CacheKernels(heads, slotCount: rows.cache.slotCount, library: queue.library)
  }

  // MARK: Loss

  package func crossEntropy(_ logits: Tensor, targets: Tensor, losses: Tensor, gradientScale: Float?) {
    precondition(
      targets.count == logits.rowCount && losses.count == targets.count,
      "cross-entropy: logits \(logits.shape), \(targets.count) targets, losses \(losses.shape)")
    run { queue throws(CUDAError) in
      try queue.elements.crossEntropy(
        logits.array, targets: targets.array, losses: losses.array, gradientScale: gradientScale, on: queue.stream)
    }
  }

  // MARK: Update

  package func decideUpdate(_ decision: UpdateDecision, sums: Tensor, control: Tensor) {
    precondition(
      sums.count == 2 && control.count == UpdateControl.count, "update: sums \(sums.shape), control \(control.shape)")
    run { queue throws(CUDAError) in
      try queue.update.decide(decision, sums: sums.array, control: control.array, on: queue.stream)
    }
  }

  package func adamW(
    _ step: AdamWStep, control: Tensor, weights: Tensor, gradients: Tensor, firstMoments: Tensor,
    secondMoments: Tensor
  ) {
    let count = weights.count
    precondition(
      gradients.count == count && firstMoments.count == count && secondMoments.count == count,
      "AdamW: \(count) weights, \(gradients.count) gradients, moments \(firstMoments.count), \(secondMoments.count)")
    run { queue throws(CUDAError) in
      try queue.update.adamW(
        step, control: control.array, weights: weights.array, gradients: gradients.array,
        firstMoments: firstMoments.array, secondMoments: secondMoments.array, rounded: nil, on: queue.stream)
    }
  }
}

extension AttentionTables {
  /// As kernels take them.
  fileprivate var device: RotationTables {
    RotationTables(
      cosines: cosines.array, sines: sines.array,
      norms: queryNorm.flatMap { query in keyNorm.map { (query.array, $0.array) } }, epsilon: normEpsilon)
  }
}
