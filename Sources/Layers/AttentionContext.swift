package import TensorCore

/// What the rows of a call attend to, and which cache takes their keys and values for later calls. One function of a
/// layer runs in any context: training, the beginning of sequences, and rows that continue them.
package enum AttentionContext {
  /// Rows see each other by the pattern of a shape. A cache, if there is one, takes what is kept of them: the beginning of
  /// sequences.
  case pattern(AttentionShape, kept: CachedRows? = nil)
  /// Rows see what a cache holds, which takes theirs first.
  case cache(CachedRows)

  /// The first row that has a query.
  var firstQuery: Int {
    switch self {
    case .pattern(let shape, _): shape.queryRows.lowerBound
    case .cache: 0
    }
  }

  var usesCache: Bool {
    switch self {
    case .pattern(_, let kept): kept != nil
    case .cache: true
    }
  }
}

extension Tape {
  /// Multi-head attention of packed rows in their context, whose cache takes their keys and values.
  ///
  /// - Parameters:
  ///   - packed: `[rows, q | k | v]` as projected.
  ///   - keptRows: rows whose results are wanted, counted from the first that has a query; nil for all.
  ///   - recompute: recomputes `packed` for the backward pass, so that it need not be kept.
  /// - Returns: `[keptRows, H·headWidth]`.
  func attention(
    _ packed: Tensor, heads: AttentionHeads, context: AttentionContext, keptRows: Tensor?, tables: AttentionTables,
    recompute: Recompute?
  ) -> Tensor {
    switch context {
    case .pattern(let shape, let kept):
      if let kept { append(packed, heads: heads, to: kept, tables: tables) }
      let mixed = attention(packed, shape: shape, tables: tables, recompute: recompute)
      return keptRows.map { select(mixed, rows: RowSelection($0)) } ?? mixed
    case .cache(let rows):
      append(packed, heads: heads, to: rows, tables: tables)
      return cachedAttention(packed, heads: heads, rows: rows, queries: keptRows, tables: tables)
    }
  }

  /// The last of each `rowCount` rows of some sequences, as `keptRows`; nil if that is all.
  package func lastRows(of rowCount: Int, sequenceCount: Int) -> Tensor? {
    guard rowCount > 1 else { return nil }
    return indices(IndexRuns(start: rowCount - 1, stride: rowCount, runCount: sequenceCount))
  }
}
