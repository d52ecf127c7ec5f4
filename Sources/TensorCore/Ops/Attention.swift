extension Tape {
  /// Multi-head attention over a pattern, from packed projections.
  ///
  /// - Parameters:
  ///   - packed: `[rows, q | k | v]`, from ``packedProjection(_:weight:bias:heads:firstQuery:recompute:dtype:)``.
  ///   - recompute: recomputes `packed` for the backward pass, so that it need not be kept.
  /// - Returns: `[queryRows.count, H·headWidth]`, of the type of `packed`.
  package func attention(
    _ packed: Tensor, shape: AttentionShape, tables: AttentionTables, recompute: Recompute? = nil
  ) -> Tensor {
    precondition(
      packed.shape == [shape.rowCount, shape.packedWidth], "attention: \(packed.shape) for \(shape)")
    precondition(
      tables.cosines.rowCount >= shape.pattern.positionCount && tables.cosines.rowWidth == shape.rotaryWidth / 2,
      "attention: rotary table \(tables.cosines.shape) for \(shape)")
    let y = output([shape.queryRows.count, shape.queryWidth], of: packed.dtype)
    let logSumExp = buffer([shape.queryRows.count, shape.headCount])
    backend.attention(packed, shape: shape, tables: tables, output: y, logSumExp: logSumExp)
    let saved = SavedTensor(packed, recompute: recompute)
    record(y, addingTo: [packed, tables.queryNorm, tables.keyNorm]) { [self] gradient in
      let packed = saved.restored(like: self)
      let packedGradient = buffer(packed.shape, of: types.gradient(of: packed.dtype))
      backend.attentionBackward(
        packed, shape: shape, tables: tables, output: y, logSumExp: logSumExp, outputGradient: gradient,
        packedGradient: packedGradient, queryNormGradient: tables.queryNorm?.parameterGradient,
        keyNormGradient: tables.keyNorm?.parameterGradient)
      contribute(packedGradient, to: packed)
    }
    return y
  }
}
