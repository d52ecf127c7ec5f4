extension Tape {
  /// Multi-head attention over patterns, from packed projections.
  ///
  /// - Parameters:
  ///   - packed: `[rows, q | k | v]`, from ``packedProjection(_:weight:bias:heads:queryRows:recompute:dtype:)``; the rows of
  ///     each call after those of the one before.
  ///   - heads: of all calls.
  ///   - recompute: recomputes `packed` for the backward pass, so that it need not be kept.
  /// - Returns: `[outputCount, H·headWidth]`, of the type of `packed`.
  package func attention(
    _ packed: Tensor, heads: AttentionHeads, calls: AttentionCalls, tables: AttentionTables,
    recompute: Recompute? = nil
  ) -> Tensor {
    check(packed, heads: heads, calls: calls, tables: tables)
    let y = output([calls.outputCount, heads.queryWidth], of: packed.dtype)
    let logSumExp = buffer([calls.outputCount, heads.count])
    for call in calls.calls {
      backend.attention(
        packed.rows(call.rows), shape: call.shape, tables: tables, output: y.rows(call.outputRows),
        logSumExp: logSumExp.rows(call.outputRows))
    }
    let saved = SavedTensor(packed, recompute: recompute)
    record(y, addingTo: [packed, tables.queryNorm, tables.keyNorm]) { [self] gradient in
      let packed = saved.restored(like: self)
      let packedGradient = buffer(packed.shape, of: types.gradient(of: packed.dtype))
      for call in calls.calls {
        backend.attentionBackward(
          packed.rows(call.rows), shape: call.shape, tables: tables, output: y.rows(call.outputRows),
          logSumExp: logSumExp.rows(call.outputRows), outputGradient: gradient.rows(call.outputRows),
          packedGradient: packedGradient.rows(call.rows), queryNormGradient: tables.queryNorm?.parameterGradient,
          keyNormGradient: tables.keyNorm?.parameterGradient)
      }
      contribute(packedGradient, to: packed)
    }
    return y
  }

  /// As ``attention(_:heads:calls:tables:recompute:)``, of one call.
  package func attention(
    _ packed: Tensor, shape: AttentionShape, tables: AttentionTables, recompute: Recompute? = nil
  ) -> Tensor {
    attention(packed, heads: shape.heads, calls: AttentionCalls([shape]), tables: tables, recompute: recompute)
  }

  private func check(_ packed: Tensor, heads: AttentionHeads, calls: AttentionCalls, tables: AttentionTables) {
    precondition(
      packed.shape == [calls.rowCount, heads.packedWidth],
      "attention: \(packed.shape) for \(calls.rowCount) rows of \(heads)")
    for call in calls.calls {
      precondition(call.shape.heads == heads, "attention: \(call.shape.heads) for \(heads)")
      precondition(
        tables.cosines.rowCount >= call.shape.pattern.positionCount
          && tables.cosines.rowWidth == heads.rotaryWidth / 2,
        "attention: rotary table \(tables.cosines.shape) for \(call.shape)")
    }
  }
}
