package import TensorCore

extension TransformerBlock {
  /// Memory for what this block keeps of the rows of `sequenceCount` sequences.
  package func makeCache(sequenceCount: Int, slotCount: Int, backend: any Backend) -> KeyValueCache {
    KeyValueCache(
      sequenceCount: sequenceCount, slotCount: slotCount, keyValueWidth: shape.keyValueWidth, backend: backend)
  }

  /// Runs the block on new rows of sequences whose earlier rows are in `cache`, which takes the new ones.
  ///
  /// - Parameters:
  ///   - stream: `[B·rows, D]`, the rows of a sequence side by side.
  ///   - queryCount: how many of these, the last of each sequence, go on past the attention.
  /// - Returns: a stream of these rows.
  package func callAsFunction(
    _ stream: ResidualStream, rows: [CachedRow], queryCount: Int, cache: KeyValueCache, rotary: RotaryTable,
    tape: Tape
  ) -> ResidualStream {
    let (sum, normed) = Self.norm(stream, weight: attentionNorm, epsilon: shape.normEpsilon, tape: tape)
    let sequenceCount = sum.rowCount / rows.count
    let attention = shape.attention(.causal(length: rows.count), sequenceCount: sequenceCount)
    let packed = tape.packedProjection(normed, weight: packedWeight, bias: packedBias, shape: attention)
    let call = CachedAttention(shape: attention, rows: rows, queryCount: queryCount, cache: cache)
    let mixed = tape.cachedAttention(packed, call, tables: tables(rotary))
    let kept = tape.selectLast(queryCount, of: rows.count, from: sum)
    return feedForward(kept, plus: tape.linear(mixed, weight: outputWeight, dtype: tape.types.residual), tape: tape)
  }

  /// Runs the block on the beginning of sequences, whose token t has position t; `cache` takes the last rows that it has
  /// slots for, row t at slot `t % slotCount`.
  ///
  /// - Parameters:
  ///   - stream: `[B·rows, D]`, laid out as `attention` says, in one segment.
  ///   - queryCount: how many rows, the last of each sequence, go on past the attention.
  /// - Returns: a stream of these rows.
  package func begin(
    _ stream: ResidualStream, attention: AttentionShape, queryCount: Int, cache: KeyValueCache, rotary: RotaryTable,
    tape: Tape
  ) -> ResidualStream {
    let (sum, normed) = Self.norm(stream, weight: attentionNorm, epsilon: shape.normEpsilon, tape: tape)
    let packed = tape.packedProjection(normed, weight: packedWeight, bias: packedBias, shape: attention)
    let length = attention.pattern.rowCount
    let keptCount = min(length, cache.slotCount)
    let storing = CachedAttention(
      shape: shape.attention(.causal(length: keptCount), sequenceCount: attention.sequenceCount),
      rows: (length - keptCount..<length).map { CachedRow(slot: $0 % cache.slotCount, position: $0) }, queryCount: 0,
      cache: cache)
    _ = tape.cachedAttention(
      tape.selectLast(keptCount, of: length, from: packed), storing, tables: tables(rotary))
    let mixed = tape.selectLast(
      queryCount, of: length, from: tape.attention(packed, shape: attention, tables: tables(rotary)))
    let kept = tape.selectLast(queryCount, of: length, from: sum)
    return feedForward(kept, plus: tape.linear(mixed, weight: outputWeight, dtype: tape.types.residual), tape: tape)
  }
}

extension Tape {
  /// The last `count` of each `rowCount` rows of `x`.
  func selectLast(_ count: Int, of rowCount: Int, from x: Tensor) -> Tensor {
    guard count < rowCount else { return x }
    let rows = IndexRuns(start: rowCount - count, stride: rowCount, runCount: x.rowCount / rowCount, length: count)
    return select(x, rows: RowSelection(indices(rows)))
  }
}
