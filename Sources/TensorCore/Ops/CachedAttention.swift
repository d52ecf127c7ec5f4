/// Rows of a call and the cache of their sequences: what the two ops of a cache read.
package struct CachedRows {
  package let cache: KeyValueCache
  /// `[R, 4]`, as ``Tape/upload(_:)-([CachedRow])`` gives them. No two rows have the same slot of a sequence.
  package let rows: Tensor

  package init(_ rows: Tensor, in cache: KeyValueCache) {
    precondition(rows.dtype == .int32 && rows.rowWidth == 4, "cached rows: \(rows.shape) of \(rows.dtype)")
    self.cache = cache
    self.rows = rows
  }

  package var count: Int { rows.rowCount }

  fileprivate func check(_ packed: Tensor, heads: AttentionHeads, tables: AttentionTables) {
    precondition(
      packed.shape == [count, heads.packedWidth] && packed.dtype == .float32,
      "cache: \(packed.shape) of \(packed.dtype) for \(count) rows of \(heads)")
    precondition(cache.rows.rowWidth == 2 * heads.keyValueWidth, "cache: \(cache.rows.shape) for \(heads)")
    precondition(
      tables.cosines.rowWidth == heads.rotaryWidth / 2, "cache: rotary table \(tables.cosines.shape) for \(heads)")
  }
}

extension Tape {
  /// Puts keys and values of rows into a cache, normed and rotated.
  ///
  /// - Parameter packed: `[R, q | k | v]` as projected.
  package func append(_ packed: Tensor, heads: AttentionHeads, to cached: CachedRows, tables: AttentionTables) {
    precondition(!isRecording, "cache: no gradient goes through it")
    cached.check(packed, heads: heads, tables: tables)
    backend.appendToCache(packed, heads: heads, rows: cached, tables: tables)
  }

  /// Multi-head attention of rows to what a cache holds. It has no gradient.
  ///
  /// - Parameters:
  ///   - packed: `[R, q | k | v]` as projected; the queries are read.
  ///   - queries: `[Q]`, the rows that attend; nil for all.
  /// - Returns: `[Q, H·headWidth]`.
  package func cachedAttention(
    _ packed: Tensor, heads: AttentionHeads, rows cached: CachedRows, queries: Tensor? = nil, tables: AttentionTables
  ) -> Tensor {
    precondition(!isRecording, "cached attention: no gradient goes through a cache")
    cached.check(packed, heads: heads, tables: tables)
    let y = buffer([queries?.count ?? cached.count, heads.queryWidth])
    backend.cachedAttention(packed, heads: heads, rows: cached, queries: queries, tables: tables, output: y)
    return y
  }
}
