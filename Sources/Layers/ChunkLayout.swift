package import TensorCore

/// Where the rows of a CAT without separators lie: globals of all samples first, then locals of all samples.
///
/// B samples of T tokens at chunk size C have F = ⌊T/C⌋ full chunks each. A sample's globals are
/// `[dummy, f_0 … f_{F-1}]`, F + 1 of them; its locals are its tokens, in order, but for the last of each full chunk:
/// nobody reads that row, for `f` stands for the whole chunk and gives the row's output as well.
package struct ChunkLayout: Hashable, Sendable {
  package let sampleCount: Int
  package let length: Int
  package let chunkSize: Int

  package init(sampleCount: Int, length: Int, chunkSize: Int) {
    self.sampleCount = sampleCount
    self.length = length
    self.chunkSize = chunkSize
  }

  /// Full chunks of a sample.
  package var fullChunkCount: Int { length / chunkSize }
  package var globalCount: Int { fullChunkCount + 1 }
  package var localCount: Int { length - fullChunkCount }
  /// Rows of all samples.
  package var rowCount: Int { sampleCount * (globalCount + localCount) }

  package var pattern: AttentionPattern {
    .staircase(globals: globalCount, locals: localCount, chunk: max(1, chunkSize - 1))
  }

  // Rows of each kind, and what is in them.

  /// `[B]`.
  package var dummyRows: IndexRuns { IndexRuns(stride: globalCount, runCount: sampleCount) }
  /// `[B·F]`, chunks of a sample side by side.
  package var chunkRows: IndexRuns {
    IndexRuns(start: 1, stride: globalCount, runCount: sampleCount, length: fullChunkCount)
  }
  /// Tokens that have a row, `[B·(T - F)]`, as positions `b·T + t`; their rows are those from ``firstLocalRow`` on.
  package var tokenPositions: ChunkLayoutRows { ChunkLayoutRows(layout: self, part: .tokenPositions) }
  package var firstLocalRow: Int { sampleCount * globalCount }
  /// The row whose output is that of each position, `[B·T]`: the token's own, or the vector of the chunk it ends.
  package var outputRows: ChunkLayoutRows { ChunkLayoutRows(layout: self, part: .outputs) }
  /// Of each sample, the globals' rows and those of the tokens after its last full chunk.
  var lastingRows: ChunkLayoutRows { ChunkLayoutRows(layout: self, part: .lasting) }

  /// Positions `b·T + t` of the tokens of all full chunks, in order.
  package var fullChunkPositions: IndexRuns {
    IndexRuns(stride: length, runCount: sampleCount, length: fullChunkCount * chunkSize)
  }
  /// Index of each full chunk in its sample, `[B·F]`.
  package var fullChunkIndices: IndexRuns { IndexRuns(stride: 0, runCount: sampleCount, length: fullChunkCount) }
}

/// Rows of a layout that are no equal runs.
package struct ChunkLayoutRows: IndexRecipe {
  fileprivate enum Part {
    case tokenPositions
    case outputs
    case lasting
  }

  fileprivate let layout: ChunkLayout
  fileprivate let part: Part

  package func makeIndices() -> [Int32] {
    let (B, T) = (layout.sampleCount, layout.length)
    switch part {
    case .tokenPositions:
      return (0..<B * T).filter { !endsChunk($0 % T) }.map { Int32($0) }
    case .outputs:
      return (0..<B).flatMap { sample in (0..<T).map { outputRow(sample, $0) } }
    case .lasting:
      let first = layout.fullChunkCount * layout.chunkSize
      return (0..<B).flatMap { sample in
        (0..<layout.globalCount).map { globalRow(sample, $0) } + (first..<T).map { outputRow(sample, $0) }
      }
    }
  }

  private func globalRow(_ sample: Int, _ index: Int) -> Int32 { Int32(sample * layout.globalCount + index) }

  private func outputRow(_ sample: Int, _ t: Int) -> Int32 {
    let chunk = t / layout.chunkSize
    if endsChunk(t) { return globalRow(sample, chunk + 1) }
    return Int32(layout.firstLocalRow + sample * layout.localCount + t - chunk)
  }

  private func endsChunk(_ t: Int) -> Bool { (t + 1) % layout.chunkSize == 0 }
}
