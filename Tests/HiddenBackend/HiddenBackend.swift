package import CPUBackend
package import TensorCore

/// The processor's kernels on memory that the host cannot reach: what holds here holds on a device.
///
/// Calls of kernels return before anything is computed.
package final class HiddenBackend: Backend {
  package let pool: StoragePool
  package let constants: ConstantCache
  package let memory: HiddenMemory
  private let kernels: CPUBackend

  package init(_ kernels: CPUBackend = CPUBackend(threadCount: 1)) {
    self.kernels = kernels
    memory = HiddenMemory(shadow: kernels.pool.memory)
    pool = StoragePool(memory)
    constants = ConstantCache(memory)
  }

  package var threadCount: Int { kernels.threadCount }
  package var precision: ProductPrecision { kernels.precision }

  private func enqueue(_ call: @escaping (CPUBackend) -> Void) {
    memory.enqueue { [kernels] in call(kernels) }
  }

  // MARK: Products and elements

  package func multiply(_ a: Matrix, _ b: Matrix, into c: Matrix, scale: Float, accumulate: Bool) {
    let (a, b, c) = (a.truth, b.truth, c.truth)
    enqueue { $0.multiply(a, b, into: c, scale: scale, accumulate: accumulate) }
  }

  package func fill(_ x: Tensor, with value: Float) {
    let x = x.truth
    enqueue { $0.fill(x, with: value) }
  }

  package func add(_ x: Tensor, to y: Tensor) {
    let (x, y) = (x.truth, y.truth)
    enqueue { $0.add(x, to: y) }
  }

  package func scale(_ x: Tensor, by factor: Float) {
    let x = x.truth
    enqueue { $0.scale(x, by: factor) }
  }

  package func addBias(_ bias: Tensor, to y: Matrix) {
    let (bias, y) = (bias.truth, y.truth)
    enqueue { $0.addBias(bias, to: y) }
  }

  package func accumulateColumnSums(of x: Matrix, into sums: Tensor) {
    let (x, sums) = (x.truth, sums.truth)
    enqueue { $0.accumulateColumnSums(of: x, into: sums) }
  }

  package func accumulateSum(of x: Tensor, into total: Tensor) {
    let (x, total) = (x.truth, total.truth)
    enqueue { $0.accumulateSum(of: x, into: total) }
  }

  package func accumulateSumOfSquares(of x: Tensor, into total: Tensor) {
    let (x, total) = (x.truth, total.truth)
    enqueue { $0.accumulateSumOfSquares(of: x, into: total) }
  }

  // MARK: Rows

  package func copyRows(
    of source: Tensor, _ sourceRows: Tensor?, to destination: Tensor, _ destinationRows: Tensor?, count: Int
  ) {
    let (source, sourceRows) = (source.truth, sourceRows?.truth)
    let (destination, destinationRows) = (destination.truth, destinationRows?.truth)
    enqueue { $0.copyRows(of: source, sourceRows, to: destination, destinationRows, count: count) }
  }

  package func addRows(
    of source: Tensor, _ sourceRows: Tensor?, to destination: Tensor, _ destinationRows: Tensor?, count: Int,
    skipping frozenRow: Int32?
  ) {
    let (source, sourceRows) = (source.truth, sourceRows?.truth)
    let (destination, destinationRows) = (destination.truth, destinationRows?.truth)
    enqueue {
      $0.addRows(of: source, sourceRows, to: destination, destinationRows, count: count, skipping: frozenRow)
    }
  }

  // MARK: Norm and SwiGLU

  package func rmsNorm(
    _ x: Tensor, plus delta: Tensor?, weight: Tensor, epsilon: Float, sum: Tensor?, output: Tensor, inverse: Tensor
  ) {
    let (x, delta, weight, sum) = (x.truth, delta?.truth, weight.truth, sum?.truth)
    let (output, inverse) = (output.truth, inverse.truth)
    enqueue {
      $0.rmsNorm(x, plus: delta, weight: weight, epsilon: epsilon, sum: sum, output: output, inverse: inverse)
    }
  }

  package func rmsNormBackward(
    _ x: Tensor, weight: Tensor, inverse: Tensor, outputGradient: Tensor, sumGradient: Tensor?, inputGradient: Tensor,
    weightGradient: Tensor?
  ) {
    let (x, weight, inverse, outputGradient) = (x.truth, weight.truth, inverse.truth, outputGradient.truth)
    let (sumGradient, inputGradient, weightGradient) = (sumGradient?.truth, inputGradient.truth, weightGradient?.truth)
    enqueue {
      $0.rmsNormBackward(
        x, weight: weight, inverse: inverse, outputGradient: outputGradient, sumGradient: sumGradient,
        inputGradient: inputGradient, weightGradient: weightGradient)
    }
  }

  package func swiGLU(_ gateUp: Tensor, output: Tensor) {
    let (gateUp, output) = (gateUp.truth, output.truth)
    enqueue { $0.swiGLU(gateUp, output: output) }
  }

  package func swiGLUBackward(_ gateUp: Tensor, outputGradient: Tensor, gateUpGradient: Tensor, output: Tensor?) {
    let (gateUp, outputGradient) = (gateUp.truth, outputGradient.truth)
    let (gateUpGradient, output) = (gateUpGradient.truth, output?.truth)
    enqueue {
      $0.swiGLUBackward(gateUp, outputGradient: outputGradient, gateUpGradient: gateUpGradient, output: output)
    }
  }

  // MARK: Attention

  package func attention(
    _ packed: Tensor, shape: AttentionShape, tables: AttentionTables, output: Tensor, logSumExp: Tensor
  ) {
    let (packed, tables, output, logSumExp) = (packed.truth, tables.truth, output.truth, logSumExp.truth)
    enqueue { $0.attention(packed, shape: shape, tables: tables, output: output, logSumExp: logSumExp) }
  }

  package func attentionBackward(
    _ packed: Tensor, shape: AttentionShape, tables: AttentionTables, output: Tensor, logSumExp: Tensor,
    outputGradient: Tensor, packedGradient: Tensor, queryNormGradient: Tensor?, keyNormGradient: Tensor?
  ) {
    let (packed, tables, output, logSumExp) = (packed.truth, tables.truth, output.truth, logSumExp.truth)
    let (outputGradient, packedGradient) = (outputGradient.truth, packedGradient.truth)
    let (queryNormGradient, keyNormGradient) = (queryNormGradient?.truth, keyNormGradient?.truth)
    enqueue {
      $0.attentionBackward(
        packed, shape: shape, tables: tables, output: output, logSumExp: logSumExp, outputGradient: outputGradient,
        packedGradient: packedGradient, queryNormGradient: queryNormGradient, keyNormGradient: keyNormGradient)
    }
  }

  package func appendToCache(_ packed: Tensor, heads: AttentionHeads, rows: CachedRows, tables: AttentionTables) {
    let (packed, rows, tables) = (packed.truth, rows.truth, tables.truth)
    enqueue { $0.appendToCache(packed, heads: heads, rows: rows, tables: tables) }
  }

  package func cachedAttention(
    _ packed: Tensor, heads: AttentionHeads, rows: CachedRows, queries: Tensor?, tables: AttentionTables,
    output: Tensor
  ) {
    let (packed, rows, queries) = (packed.truth, rows.truth, queries?.truth)
    let (tables, output) = (tables.truth, output.truth)
    enqueue {
      $0.cachedAttention(packed, heads: heads, rows: rows, queries: queries, tables: tables, output: output)
    }
  }

  // MARK: Loss and resampling

  package func crossEntropy(_ logits: Tensor, targets: Tensor, losses: Tensor, gradientScale: Float?) {
    let (logits, targets, losses) = (logits.truth, targets.truth, losses.truth)
    enqueue { $0.crossEntropy(logits, targets: targets, losses: losses, gradientScale: gradientScale) }
  }

  package func argmax(of x: Tensor, into columns: Tensor) {
    let (x, columns) = (x.truth, columns.truth)
    enqueue { $0.argmax(of: x, into: columns) }
  }

  package func accumulateMatches(of x: Tensor, with y: Tensor, into total: Tensor) {
    let (x, y, total) = (x.truth, y.truth, total.truth)
    enqueue { $0.accumulateMatches(of: x, with: y, into: total) }
  }

  package func resampleColumns(of x: Tensor, to y: Tensor) {
    let (x, y) = (x.truth, y.truth)
    enqueue { $0.resampleColumns(of: x, to: y) }
  }

  package func accumulateResampleGradient(_ yGradient: Tensor, into xGradient: Tensor) {
    let (yGradient, xGradient) = (yGradient.truth, xGradient.truth)
    enqueue { $0.accumulateResampleGradient(yGradient, into: xGradient) }
  }

  // MARK: Update

  package func decideUpdate(_ decision: UpdateDecision, sums: Tensor, control: Tensor) {
    let (sums, control) = (sums.truth, control.truth)
    enqueue { $0.decideUpdate(decision, sums: sums, control: control) }
  }

  package func adamW(
    _ step: AdamWStep, control: Tensor, weights: Tensor, gradients: Tensor, firstMoments: Tensor,
    secondMoments: Tensor
  ) {
    let (control, weights, gradients) = (control.truth, weights.truth, gradients.truth)
    let (firstMoments, secondMoments) = (firstMoments.truth, secondMoments.truth)
    enqueue {
      $0.adamW(
        step, control: control, weights: weights, gradients: gradients, firstMoments: firstMoments,
        secondMoments: secondMoments)
    }
  }
}

extension AttentionTables {
  fileprivate var truth: AttentionTables {
    AttentionTables(
      cosines: cosines.truth, sines: sines.truth, queryNorm: queryNorm?.truth, keyNorm: keyNorm?.truth,
      normEpsilon: normEpsilon)
  }
}

extension CachedRows {
  fileprivate var truth: CachedRows {
    CachedRows(rows.truth, in: KeyValueCache(rows: cache.rows.truth, slotCount: cache.slotCount))
  }
}
