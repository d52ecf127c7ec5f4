/// Which rows see which: the structure that attention exploits, never a mask.
///
/// Rows of `n` sequences lie in two segments: the first rows of all sequences, then the second rows of all sequences.
/// Sequence `s` owns rows `s·first ..< (s+1)·first` and `n·first + s·second ..< n·first + (s+1)·second`.
package enum AttentionPattern: Hashable, Sendable {
  /// Row `i` of a sequence sees rows `0...i`. One segment; rotary position `i`.
  case causal(length: Int)
  /// Row `i` of a sequence sees rows `max(0, i - size + 1)...i`; `size` is at least 1. One segment; rotary position `i`.
  case window(length: Int, size: Int)
  /// Every row of a sequence sees all `leading + length` rows of it. Leading rows are the first segment.
  /// Rotary positions `0 ..< leading`, then `leading + j`.
  case blocks(leading: Int, length: Int)
  /// CAT's decoder. Global row `g` (first segment) sees globals `0...g`. Local row `i` (second segment) is in chunk
  /// `c = i / chunk` and sees globals `0...c` and locals `c·chunk...i`. Rotary position 0 for globals, `1 + i % chunk`
  /// for locals. Each chunk has a global of its own, the last few globals perhaps no chunk.
  case staircase(globals: Int, locals: Int, chunk: Int)

  /// Rows of one sequence in the first segment.
  package var firstCount: Int {
    switch self {
    case .causal, .window: 0
    case .blocks(let leading, _): leading
    case .staircase(let globals, _, _): globals
    }
  }

  /// Rows of one sequence in the second segment.
  package var secondCount: Int {
    switch self {
    case .causal(let length), .window(let length, _): length
    case .blocks(_, let length): length
    case .staircase(_, let locals, _): locals
    }
  }

  /// Rows of one sequence.
  package var rowCount: Int { firstCount + secondCount }

  /// Largest rotary position plus one.
  package var positionCount: Int {
    switch self {
    case .causal(let length), .window(let length, _): length
    case .blocks(let leading, let length): leading + length
    case .staircase(_, let locals, let chunk): 1 + min(chunk, locals)
    }
  }

  /// Score entries that the pattern allows, for one sequence and one head.
  ///
  /// - Parameter dropsFirstQueries: leave out the queries of the first segment.
  package func scoreCount(dropsFirstQueries: Bool) -> Int {
    switch self {
    case .causal(let length):
      return length * (length + 1) / 2
    case .window(let length, let size):
      let growing = min(length, size)
      return growing * (growing + 1) / 2 + (length - growing) * size
    case .blocks(let leading, let length):
      return (dropsFirstQueries ? length : leading + length) * (leading + length)
    case .staircase(let globals, let locals, let chunk):
      var count = dropsFirstQueries ? 0 : globals * (globals + 1) / 2
      for c in 0..<globals {
        let rows = max(0, min(chunk, locals - c * chunk))
        count += rows * (c + 1) + rows * (rows + 1) / 2
      }
      return count
    }
  }
}

/// The heads of an attention: grouped queries, rows packed as `[q | k | v]`.
package struct AttentionHeads: Hashable, Sendable {
  /// Query heads; a multiple of `keyValueCount`. Query head `i` reads key/value head `i / (H / Hkv)`.
  package let count: Int
  package let keyValueCount: Int
  /// Channels of a head; even.
  package let width: Int
  /// The first channels of a head, which the rotary embedding turns; even, the others pass through.
  package let rotaryWidth: Int

  /// - Parameter rotaryWidth: nil for all of the head.
  package init(count: Int, keyValueCount: Int, width: Int, rotaryWidth: Int? = nil) {
    let rotaryWidth = rotaryWidth ?? width
    precondition(count % keyValueCount == 0, "attention: \(count) heads over \(keyValueCount)")
    precondition(width % 2 == 0, "attention: odd head width \(width)")
    precondition(
      rotaryWidth % 2 == 0 && (0...width).contains(rotaryWidth),
      "attention: \(rotaryWidth) of \(width) channels turned")
    self.count = count
    self.keyValueCount = keyValueCount
    self.width = width
    self.rotaryWidth = rotaryWidth
  }

  /// Columns of the packed `[q | k | v]` rows.
  package var packedWidth: Int { queryWidth + 2 * keyValueWidth }
  package var queryWidth: Int { count * width }
  package var keyValueWidth: Int { keyValueCount * width }
}

/// One attention call: `sequenceCount` sequences of a pattern.
package struct AttentionShape: Hashable, Sendable {
  package let pattern: AttentionPattern
  package let sequenceCount: Int
  package let heads: AttentionHeads
  /// The first segment's rows give keys and values alone: their queries are neither read nor written, and the output
  /// has the second segment's rows only.
  package let dropsFirstQueries: Bool

  package init(
    pattern: AttentionPattern, sequenceCount: Int, heads: AttentionHeads, dropsFirstQueries: Bool = false
  ) {
    self.pattern = pattern
    self.sequenceCount = sequenceCount
    self.heads = heads
    self.dropsFirstQueries = dropsFirstQueries
  }

  /// - Parameter rotaryWidth: nil for all of the head.
  package init(
    pattern: AttentionPattern, sequenceCount: Int, headCount: Int, keyValueHeadCount: Int, headWidth: Int,
    rotaryWidth: Int? = nil, dropsFirstQueries: Bool = false
  ) {
    self.init(
      pattern: pattern, sequenceCount: sequenceCount,
      heads: AttentionHeads(
        count: headCount, keyValueCount: keyValueHeadCount, width: headWidth, rotaryWidth: rotaryWidth),
      dropsFirstQueries: dropsFirstQueries)
  }

  /// Rows of keys and values.
  package var rowCount: Int { sequenceCount * pattern.rowCount }
  /// Rows of the first segment, all sequences.
  package var firstRowCount: Int { sequenceCount * pattern.firstCount }
  /// The rows that have queries.
  package var queryRows: Range<Int> { (dropsFirstQueries ? firstRowCount : 0)..<rowCount }

  package var headCount: Int { heads.count }
  package var keyValueHeadCount: Int { heads.keyValueCount }
  package var headWidth: Int { heads.width }
  package var rotaryWidth: Int { heads.rotaryWidth }
  package var packedWidth: Int { heads.packedWidth }
  package var queryWidth: Int { heads.queryWidth }
}

/// Cosines and sines of the rotary embedding, `[positions, rotaryWidth / 2]` each, and what else attention reads.
/// Position 0 turns nothing: its cosines are 1, its sines 0, and backends need not read them.
package struct AttentionTables {
  package let cosines: Tensor
  package let sines: Tensor
  /// Weights `[headWidth]` of the RMS norms of queries and keys, applied to each head before the rotation.
  package let queryNorm: Tensor?
  package let keyNorm: Tensor?
  package let normEpsilon: Float

  package init(cosines: Tensor, sines: Tensor, queryNorm: Tensor?, keyNorm: Tensor?, normEpsilon: Float) {
    precondition((queryNorm == nil) == (keyNorm == nil), "attention: one of the two norms alone")
    self.cosines = cosines
    self.sines = sines
    self.queryNorm = queryNorm
    self.keyNorm = keyNorm
    self.normEpsilon = normEpsilon
  }
}
