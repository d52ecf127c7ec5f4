package import TensorCore

/// Where each row of an attention call stands and which rows it sees, one pair of global row numbers at a time.
package struct AttentionRows {
  private struct Place {
    let sequence: Int
    let isFirst: Bool
    /// Row of the sequence within its segment.
    let index: Int
  }

  package let pattern: AttentionPattern
  package let sequenceCount: Int

  package init(pattern: AttentionPattern, sequenceCount: Int) {
    self.pattern = pattern
    self.sequenceCount = sequenceCount
  }

  package func sees(query: Int, key: Int) -> Bool {
    let query = place(of: query)
    let key = place(of: key)
    guard query.sequence == key.sequence else { return false }
    switch pattern {
    case .causal:
      return key.index <= query.index
    case .window(_, let size):
      return key.index <= query.index && query.index - key.index < size
    case .blocks:
      return true
    case .staircase(_, _, let chunk):
      switch (query.isFirst, key.isFirst) {
      case (true, true): return key.index <= query.index
      case (true, false): return false
      case (false, true): return key.index <= query.index / chunk
      case (false, false): return key.index / chunk == query.index / chunk && key.index <= query.index
      }
    }
  }

  /// Rotary position of a row.
  package func position(of row: Int) -> Int {
    let place = place(of: row)
    switch pattern {
    case .causal, .window: return place.index
    case .blocks(let leading, _): return place.isFirst ? place.index : leading + place.index
    case .staircase(_, _, let chunk): return place.isFirst ? 0 : 1 + place.index % chunk
    }
  }

  /// All rows that `query` sees, in ascending order.
  func keys(seenBy query: Int) -> [Int] {
    (0..<sequenceCount * pattern.rowCount).filter { sees(query: query, key: $0) }
  }

  private func place(of row: Int) -> Place {
    let firstRowCount = sequenceCount * pattern.firstCount
    if row < firstRowCount {
      return Place(sequence: row / pattern.firstCount, isFirst: true, index: row % pattern.firstCount)
    }
    let index = row - firstRowCount
    return Place(sequence: index / pattern.secondCount, isFirst: false, index: index % pattern.secondCount)
  }
}
