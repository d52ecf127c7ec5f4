package import TensorCore

/// What the rows of a call attend to, and which cache takes their keys and values for later calls. One function of a
/// layer runs in any context: training, the beginning of sequences, and rows that continue them.
package enum AttentionContext {
  /// Rows see each other by the patterns of some calls. A cache, if there is one, takes what is kept of them: the beginning
  /// of sequences.
  case patterns(AttentionCalls, kept: CachedRows? = nil)
  /// Rows see what a cache holds, which takes theirs first.
  case cache(CachedRows)

  /// Rows see each other by the pattern of a shape.
  package static func pattern(_ shape: AttentionShape, kept: CachedRows? = nil) -> AttentionContext {
    .patterns(AttentionCalls([shape]), kept: kept)
  }

  /// The rows that have a query; nil for all.
  var queryRows: [Range<Int>]? {
    switch self {
    case .patterns(let calls, _): calls.queryRows
    case .cache: nil
    }
  }

  var usesCache: Bool {
    switch self {
    case .patterns(_, let kept): kept != nil
    case .cache: true
    }
  }

  /// Which rows of the call `keptRows` are, that are counted among those that have a query; nil stands for all of these.
  func rows(_ keptRows: Tensor?, tape: Tape) -> RowSelection {
    guard let queryRows else { return RowSelection(keptRows) }
    if queryRows.count == 1 { return RowSelection(keptRows, from: queryRows[0].lowerBound) }
    let rows = tape.upload(queryRows.flatMap { $0.map(Int32.init) })
    return RowSelection(keptRows.map { tape.gather(rows, at: $0) } ?? rows)
  }
}

extension Tape {
  /// Multi-head attention of packed rows in their context, whose cache takes their keys and values.
  ///
  /// - Parameters:
  ///   - packed: `[rows, q | k | v]` as projected.
  ///   - keptRows: rows whose results are wanted, counted among those that have a query; nil for all.
  ///   - recompute: recomputes `packed` for the backward pass, so that it need not be kept.
  /// - Returns: `[keptRows, H·headWidth]`.
  func attention(
    _ packed: Tensor, heads: AttentionHeads, context: AttentionContext, keptRows: Tensor?, tables: AttentionTables,
    recompute: Recompute?
  ) -> Tensor {
    switch context {
    case .patterns(let calls, let kept):
      if let kept { append(packed, heads: heads, to: kept, tables: tables) }
      let mixed = attention(packed, heads: heads, calls: calls, tables: tables, recompute: recompute)
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
