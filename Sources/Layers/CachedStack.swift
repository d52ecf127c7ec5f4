package import TensorCore

/// A stack of causal blocks with what generation keeps for each.
package struct CachedStack {
  private let blocks: [TransformerBlock]
  private let caches: [KeyValueCache]
  private let rotary: RotaryTable

  /// - Parameter slotCount: rows that a sequence may keep at a time.
  package init(
    _ blocks: [TransformerBlock], rotary: RotaryTable, sequenceCount: Int, slotCount: Int, backend: any Backend
  ) {
    self.blocks = blocks
    self.rotary = rotary
    caches = blocks.map {
      $0.makeCache(sequenceCount: sequenceCount, slotCount: slotCount, backend: backend)
    }
  }

  /// Bytes of keys and values, of all sequences.
  package var cacheBytes: Int { caches.reduce(0) { $0 + $1.byteCount } }

  /// Runs new rows through all blocks.
  ///
  /// - Parameter input: `[B·rows, D]`, the rows of a sequence side by side.
  /// - Returns: a stream of the last row of each sequence, `[B, D]`.
  package func callAsFunction(_ input: Tensor, rows: [CachedRow], tape: Tape) -> ResidualStream {
    var stream = ResidualStream(input)
    for (index, block) in blocks.enumerated() {
      stream = block(
        stream, rows: rows, queryCount: index == blocks.count - 1 ? 1 : rows.count, cache: caches[index],
        rotary: rotary, tape: tape)
    }
    return stream
  }

  /// Runs the beginning of causal sequences through all blocks: row t at slot t and position t.
  ///
  /// - Parameters:
  ///   - input: `[B·length, D]`, the rows of a sequence side by side.
  ///   - attention: of all rows.
  /// - Returns: a stream of the last row of each sequence, `[B, D]`.
  package func begin(_ input: Tensor, attention: AttentionShape, tape: Tape) -> ResidualStream {
    var stream = ResidualStream(input)
    for (index, block) in blocks.enumerated() {
      stream = block.begin(
        stream, attention: attention, queryCount: index == blocks.count - 1 ? 1 : attention.pattern.rowCount,
        cache: caches[index], rotary: rotary, tape: tape)
    }
    return stream
  }
}
