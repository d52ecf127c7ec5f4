internal import TensorCore

extension ChunkedAttention {
  /// Memory for sequences of up to `length` tokens.
  func makeCache(sequenceCount: Int, length: Int, chunkSize: Int, tape: Tape) -> ChunkedCache {
    let chunkCount = (length + chunkSize - 1) / chunkSize
    return ChunkedCache(
      rows: KeyValueCache(
        sequenceCount: sequenceCount, slotCount: chunkCount + max(chunkSize - 1, 1), keyValueWidth: shape.innerWidth,
        backend: tape.backend),
      vector: tape.buffer([sequenceCount, shape.innerWidth]),
      compression: tape.resample(compression, width: chunkSize * shape.width), chunkSize: chunkSize)
  }

  /// Runs the layer on the beginning of sequences.
  ///
  /// - Parameter x: `[B·T, D]`, normed.
  /// - Returns: `[B·T, D]`.
  func begin(
    _ x: Tensor, layout: ChunkLayout, cache: ChunkedCache, rotary: RotaryTable, tape: Tape
  ) -> Tensor {
    let attention = shape.attention(layout)
    let packed = tape.packedProjection(
      packedInput(x, layout: layout, tape: tape), weight: packedWeight, bias: nil, shape: attention)
    store(packed, layout: layout, cache: cache, rotary: rotary, tape: tape)
    let first = layout.fullChunkCount * layout.chunkSize
    for offset in 0..<layout.length - first {
      let rows = IndexRuns(start: first + offset, stride: layout.length, runCount: layout.sampleCount)
      addToVector(
        tape.select(x, rows: RowSelection(tape.indices(rows))), offset: offset, cache: cache, tape: tape)
    }
    let mixed = tape.attention(packed, shape: attention, tables: tables(rotary))
    return outputs(tape.select(mixed, rows: RowSelection(tape.indices(layout.outputRows))), tape: tape)
  }

  /// Keys and values of the globals and of the tokens after the last full chunk.
  private func store(
    _ packed: Tensor, layout: ChunkLayout, cache: ChunkedCache, rotary: RotaryTable, tape: Tape
  ) {
    let first = layout.fullChunkCount * layout.chunkSize
    var places = (0..<layout.globalCount).map { CachedRow(slot: $0, position: 0) }
    for offset in 0..<layout.length - first {
      places.append(CachedRow(slot: layout.globalCount + offset, position: 1 + offset))
    }
    let call = CachedAttention(
      shape: cachedShape(rowCount: places.count, sequenceCount: layout.sampleCount), rows: places, queryCount: 0,
      cache: cache.rows)
    let kept = tape.select(packed, rows: RowSelection(tape.indices(layout.lastingRows)))
    _ = tape.cachedAttention(kept, call, tables: tables(rotary))
  }

  /// Runs the layer on one more token of each sequence.
  ///
  /// - Parameters:
  ///   - x: `[B, D]`, normed.
  ///   - position: tokens before it.
  /// - Returns: `[B, D]`.
  func advance(_ x: Tensor, position: Int, cache: ChunkedCache, rotary: RotaryTable, tape: Tape) -> Tensor {
    let (chunk, offset) = position.quotientAndRemainder(dividingBy: cache.chunkSize)
    addToVector(x, offset: offset, cache: cache, tape: tape)
    let endsChunk = offset == cache.chunkSize - 1
    if endsChunk { tape.backend.addBias(compressionBias, to: Matrix(cache.vector)) }
    let row =
      endsChunk
      ? CachedRow(slot: chunk + 1, position: 0) : CachedRow(slot: chunk + 1 + offset, position: 1 + offset)
    let input = endsChunk ? cache.vector : tape.linear(x, weight: expansion)
    let attention = cachedShape(rowCount: 1, sequenceCount: x.rowCount)
    let packed = tape.packedProjection(input, weight: packedWeight, bias: nil, shape: attention)
    let call = CachedAttention(shape: attention, rows: [row], queryCount: 1, cache: cache.rows)
    return outputs(tape.cachedAttention(packed, call, tables: tables(rotary)), tape: tape)
  }

  /// Adds to the current chunk's vector what the token at `offset` contributes; the first token overwrites.
  private func addToVector(_ x: Tensor, offset: Int, cache: ChunkedCache, tape: Tape) {
    let columns = offset * shape.width..<(offset + 1) * shape.width
    let weight = Matrix(cache.compression).part(rows: 0..<shape.innerWidth, columns: columns)
    tape.backend.multiply(
      Matrix(x), weight.transposed, into: Matrix(cache.vector), scale: 1, accumulate: offset > 0)
  }

  private func cachedShape(rowCount: Int, sequenceCount: Int) -> AttentionShape {
    let headCount = shape.innerWidth / shape.headWidth
    return AttentionShape(
      pattern: .causal(length: rowCount), sequenceCount: sequenceCount, headCount: headCount,
      keyValueHeadCount: headCount, headWidth: shape.headWidth, rotaryWidth: shape.rotaryWidth)
  }
}
