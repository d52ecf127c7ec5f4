package import TensorCore

/// Where the rows of a CAT lie: globals of all samples first, then locals of all samples; rows that nobody reads are left
/// out.
///
/// B samples of T tokens at chunk size C have F = ⌊T/C⌋ full chunks each. A sample's globals are `[A, f_0 … f_{F-1}]`,
/// F + 1 of them. What its locals are hangs on what predicts the first token of a chunk:
/// - a separator: T + 1 locals. Local `i` is a separator where `i % C == 0` and token `i - 1` elsewhere; local `i > 0`
///   predicts token `i`. The last token of a chunk has no row.
/// - the vector of the chunk before: T - F locals, the tokens but the last of each full chunk, for `f` stands for the
///   whole chunk and gives that row's output as well.
package struct ChunkLayout: Hashable, Sendable {
  package let sampleCount: Int
  package let length: Int
  package let chunkSize: Int
  package let hasSeparators: Bool

  package init(sampleCount: Int, length: Int, chunkSize: Int, hasSeparators: Bool = false) {
    self.sampleCount = sampleCount
    self.length = length
    self.chunkSize = chunkSize
    self.hasSeparators = hasSeparators
  }

  /// Full chunks of a sample.
  package var fullChunkCount: Int { length / chunkSize }
  package var globalCount: Int { fullChunkCount + 1 }
  package var localCount: Int { hasSeparators ? length + 1 : length - fullChunkCount }
  /// Tokens of all samples.
  package var tokenCount: Int { sampleCount * length }
  /// Full chunks of all samples.
  package var chunkCount: Int { sampleCount * fullChunkCount }
  /// Locals of all samples.
  package var allLocalCount: Int { sampleCount * localCount }
  /// Rows of all samples.
  package var rowCount: Int { sampleCount * (globalCount + localCount) }
  package var firstLocalRow: Int { sampleCount * globalCount }

  package var pattern: AttentionPattern {
    .staircase(globals: globalCount, locals: localCount, chunk: hasSeparators ? chunkSize : max(1, chunkSize - 1))
  }

  // Rows of each kind, and what is in them.

  /// The row before the first chunk, `[B]`.
  package var startRows: IndexRuns { IndexRuns(stride: globalCount, runCount: sampleCount) }
  /// `[B·F]`, chunks of a sample side by side.
  package var chunkRows: IndexRuns {
    IndexRuns(start: 1, stride: globalCount, runCount: sampleCount, length: fullChunkCount)
  }
  /// Separators of a sample.
  package var separatorCount: Int { hasSeparators ? (localCount + chunkSize - 1) / chunkSize : 0 }
  package var separatorRows: ChunkLayoutRows { ChunkLayoutRows(layout: self, part: .separators) }
  /// Tokens that have a row, as positions `b·T + t`.
  package var tokenPositions: ChunkLayoutRows { ChunkLayoutRows(layout: self, part: .tokenPositions) }
  /// The rows of these tokens.
  package var tokenRows: ChunkLayoutRows { ChunkLayoutRows(layout: self, part: .tokens) }
  /// The row whose output is that of each position, `[B·T]`; with separators, all are locals and counted from the first.
  package var outputRows: ChunkLayoutRows { ChunkLayoutRows(layout: self, part: .outputs) }

  /// Positions `b·T + t` of the tokens of all full chunks, in order.
  package var fullChunkPositions: IndexRuns {
    IndexRuns(stride: length, runCount: sampleCount, length: fullChunkCount * chunkSize)
  }
  /// Index of each full chunk in its sample, `[B·F]`.
  package var fullChunkIndices: IndexRuns { IndexRuns(stride: 0, runCount: sampleCount, length: fullChunkCount) }

  /// All rows as a cache knows them, which keeps the globals, in the first slots, and the tokens after the last full chunk.
  ///
  /// - Parameter firstSlots: of each sample.
  func cachedRows(firstSlots: [Int]) -> [CachedRow] {
    let first = fullChunkCount * chunkSize
    let globals = firstSlots.flatMap { sample in
      (0..<globalCount).map { CachedRow(sequence: sample, slot: $0, position: 0) }
    }
    let locals = firstSlots.flatMap { sample in
      (0..<length).filter { !endsChunk($0) }.map { t in
        CachedRow(
          sequence: sample, slot: t < first ? nil : globalCount + t - first, position: 1 + t % chunkSize)
      }
    }
    return globals + locals
  }

  fileprivate func endsChunk(_ t: Int) -> Bool { (t + 1) % chunkSize == 0 }
}

/// Rows of a layout that are no equal runs.
package struct ChunkLayoutRows: IndexRecipe {
  fileprivate enum Part {
    case separators
    case tokenPositions
    case tokens
    case outputs
  }

  fileprivate let layout: ChunkLayout
  fileprivate let part: Part

  package func makeIndices() -> [Int32] {
    let tokens = (0..<layout.length).filter { !layout.endsChunk($0) }
    return (0..<layout.sampleCount).flatMap { sample in
      switch part {
      case .separators:
        stride(from: 0, to: layout.localCount, by: layout.chunkSize).map { localRow(sample, $0) }
      case .tokenPositions:
        tokens.map { Int32(sample * layout.length + $0) }
      case .tokens:
        tokens.map { tokenRow(sample, $0) }
      case .outputs:
        (0..<layout.length).map { outputRow(sample, $0) }
      }
    }
  }

  private func localRow(_ sample: Int, _ index: Int) -> Int32 {
    Int32(layout.firstLocalRow + sample * layout.localCount + index)
  }

  private func tokenRow(_ sample: Int, _ t: Int) -> Int32 {
    localRow(sample, layout.hasSeparators ? t + 1 : t - t / layout.chunkSize)
  }

  private func outputRow(_ sample: Int, _ t: Int) -> Int32 {
    if layout.hasSeparators { return localRow(sample, t + 1) - Int32(layout.firstLocalRow) }
    guard layout.endsChunk(t) else { return tokenRow(sample, t) }
    return Int32(sample * layout.globalCount + t / layout.chunkSize + 1)
  }
}
