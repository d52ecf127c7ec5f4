internal import TensorCore

/// What generation keeps of a CAT layer: keys and values of the dummy, of one vector for each finished chunk and of the
/// current chunk's tokens, and the sum so far of the current chunk's vector.
package struct ChunkedCache {
  let rows: KeyValueCache
  /// `[B, E]`.
  let vector: Tensor
  /// The projection of a chunk to its vector at this chunk size, `[E, C·D]`.
  let compression: Tensor
  package let chunkSize: Int

  package var byteCount: Int { rows.byteCount + vector.count * vector.dtype.byteCount }
}

/// What the tokens of a call are to a CAT layer.
package enum ChunkedContext {
  /// Sequences from their beginning; a cache, if there is one, takes what later tokens need of them.
  case beginning(ChunkLayout, cache: ChunkedCache?)
  /// One more token of each sequence, after `position` others.
  case token(position: Int, cache: ChunkedCache)

  package var chunkSize: Int {
    switch self {
    case .beginning(let layout, _): layout.chunkSize
    case .token(_, let cache): cache.chunkSize
    }
  }

  /// The context of the attention within.
  func attention(_ shape: ChunkedAttentionShape, sequenceCount: Int, tape: Tape) -> AttentionContext {
    switch self {
    case .beginning(let layout, let cache):
      let kept = cache.map { CachedRows(tape.upload(layout.cachedRows), in: $0.rows) }
      return .pattern(shape.attention(layout), kept: kept)
    case .token(let position, let cache):
      let (chunk, offset) = position.quotientAndRemainder(dividingBy: cache.chunkSize)
      let rows = (0..<sequenceCount).map { sequence in
        offset == cache.chunkSize - 1
          ? CachedRow(sequence: sequence, slot: chunk + 1, position: 0)
          : CachedRow(sequence: sequence, slot: chunk + 1 + offset, position: 1 + offset)
      }
      return .cache(CachedRows(tape.upload(rows), in: cache.rows))
    }
  }

  /// The attention's row whose output is that of each token; nil where these are the rows.
  func outputRows(_ tape: Tape) -> Tensor? {
    switch self {
    case .beginning(let layout, _): tape.indices(layout.outputRows)
    case .token: nil
    }
  }
}
