internal import TensorCore

/// The decoder rows of one step of generation: `[A] [f …] [S] [tokens of the current chunk]`, whichever are new.
struct CATDecodingStep {
  let sequenceCount: Int
  /// Whether nothing came before.
  let isFirst: Bool
  /// Chunks that the new tokens complete.
  let completedCount: Int
  /// The tokens that enter the decoder, counted from the beginning of the chunk that was current before.
  let tokens: Range<Int>
  /// Row of the separator, if one is new.
  let separatorRow: Int?
  /// Of each sequence.
  let rows: [CachedRow]

  /// - Parameters:
  ///   - finishedCount: chunks that were finished before; nil before the first token.
  ///   - earlierCount: tokens of the current chunk before the step.
  init(
    sequenceCount: Int, finishedCount: Int?, chunkSize: Int, earlierCount: Int, newCount: Int, hasSeparator: Bool
  ) {
    self.sequenceCount = sequenceCount
    isFirst = finishedCount == nil
    let tokenCount = earlierCount + newCount
    completedCount = tokenCount / chunkSize
    let beginsChunk = isFirst || completedCount > 0
    let start = completedCount * chunkSize
    tokens = (beginsChunk ? start : earlierCount)..<tokenCount

    let globalCount = 1 + (finishedCount ?? 0)
    let newGlobals = (isFirst ? 0 : globalCount)..<globalCount + completedCount
    var rows = newGlobals.map { CachedRow(slot: $0, position: 0) }
    let firstLocal = newGlobals.upperBound
    separatorRow = hasSeparator && beginsChunk ? rows.count : nil
    if separatorRow != nil { rows.append(CachedRow(slot: firstLocal, position: 1)) }
    let leading = hasSeparator ? 1 : 0
    rows += tokens.map {
      CachedRow(slot: firstLocal + leading + $0 - start, position: 1 + leading + $0 - start)
    }
    self.rows = rows
  }

  /// Rows of the compressed vectors.
  var vectorRows: Range<Int> {
    let first = isFirst ? 1 : 0
    return first..<first + completedCount
  }

  /// Rows of the tokens.
  var tokenRows: Range<Int> { rows.count - tokens.count..<rows.count }

  /// Where rows of each sequence lie in the step's input.
  func places(_ range: Range<Int>) -> IndexRuns {
    IndexRuns(start: range.lowerBound, stride: rows.count, runCount: sequenceCount, length: range.count)
  }
}
