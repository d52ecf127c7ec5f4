/// One call of ``Tape/cachedAttention(_:_:tables:)``.
package struct CachedAttention {
  /// Heads, and a causal pattern as long as a sequence has new rows; who sees what is said by `rows` instead.
  package let shape: AttentionShape
  /// The new rows of each sequence; no two of a slot.
  package let rows: [CachedRow]
  /// The last rows of each sequence that attend; the others only give their keys and values.
  package let queryCount: Int
  package let cache: KeyValueCache

  /// - Parameter shape: heads and the number of sequences.
  package init(shape: AttentionShape, rows: [CachedRow], queryCount: Int, cache: KeyValueCache) {
    let slotCount = cache.slotCount
    precondition(
      shape.pattern == .causal(length: rows.count) && queryCount <= rows.count,
      "cached attention: \(rows.count) rows, \(queryCount) queries for \(shape.pattern)")
    precondition(
      cache.rows.shape == [shape.sequenceCount * slotCount, 2 * shape.keyValueHeadCount * shape.headWidth],
      "cached attention: cache \(cache.rows.shape) for \(shape)")
    precondition(
      rows.allSatisfy { (0..<slotCount).contains($0.slot) && (1...slotCount).contains($0.visibleCount) },
      "cached attention: rows \(rows) in \(slotCount) slots")
    self.shape = shape
    self.rows = rows
    self.queryCount = queryCount
    self.cache = cache
  }
}

extension Tape {
  /// Multi-head attention of new rows to a cache, which takes their keys and values first. It has no gradient.
  ///
  /// - Parameter packed: `[B·rows, q | k | v]` as projected, the rows of a sequence side by side.
  /// - Returns: `[B·queryCount, H·headWidth]`.
  package func cachedAttention(_ packed: Tensor, _ call: CachedAttention, tables: AttentionTables) -> Tensor {
    let shape = call.shape
    precondition(!isRecording, "cached attention: no gradient goes through a cache")
    precondition(
      packed.shape == [shape.rowCount, shape.packedWidth], "cached attention: \(packed.shape) for \(shape)")
    precondition(
      call.rows.allSatisfy { (0..<tables.cosines.rowCount).contains($0.position) },
      "cached attention: rows \(call.rows), rotary table \(tables.cosines.shape)")
    let y = buffer([shape.sequenceCount * call.queryCount, shape.queryWidth])
    backend.cachedAttention(packed, call, tables: tables, output: y)
    return y
  }
}
