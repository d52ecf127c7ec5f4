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
