internal import TensorCore

/// Where CAT's decoder rows lie: globals of all samples first, then locals of all samples; dead rows left out.
struct PackedLayout: Hashable, Sendable {
  let sampleCount: Int
  let length: Int
  let chunkSize: Int

  /// Full chunks of a sample.
  var fullChunkCount: Int { length / chunkSize }
  /// Adaptive vector and one compressed vector for each full chunk.
  var globalCount: Int { fullChunkCount + 1 }
  /// One row before each prediction, and the first separator.
  var localCount: Int { length + 1 }
  var rowCount: Int { sampleCount * (globalCount + localCount) }

  var pattern: AttentionPattern {
    .staircase(globals: globalCount, locals: localCount, chunk: chunkSize)
  }

  // Rows of each kind, and what is in them.

  var adaptiveRows: IndexRuns { IndexRuns(stride: globalCount, runCount: sampleCount) }
  var compressedRows: IndexRuns {
    IndexRuns(start: 1, stride: globalCount, runCount: sampleCount, length: fullChunkCount)
  }
  /// Separators of a sample.
  var separatorCount: Int { (localCount + chunkSize - 1) / chunkSize }
  var separatorRows: PackedLayoutRows { PackedLayoutRows(layout: self, part: .separators) }
  /// Positions `b·T + t` of the tokens that have a row.
  var tokenPositions: PackedLayoutRows { PackedLayoutRows(layout: self, part: .tokenPositions) }
  /// The rows of these tokens.
  var tokenRows: PackedLayoutRows { PackedLayoutRows(layout: self, part: .tokens) }
  /// The row, counted from the first local, that predicts what follows each position, `[B·T]`.
  var predictingRows: IndexRuns { IndexRuns(start: 1, stride: localCount, runCount: sampleCount, length: length) }

  /// Positions `b·T + t` of the tokens of all full chunks, in order.
  var fullChunkPositions: IndexRuns {
    IndexRuns(stride: length, runCount: sampleCount, length: fullChunkCount * chunkSize)
  }
  /// Index of each full chunk in its sample, `[B·F]`.
  var fullChunkIndices: IndexRuns { IndexRuns(stride: 0, runCount: sampleCount, length: fullChunkCount) }
}

/// Rows of a layout that are no equal runs.
struct PackedLayoutRows: IndexRecipe {
  enum Part {
    case separators
    case tokenPositions
    case tokens
  }

  let layout: PackedLayout
  let part: Part

  func makeIndices() -> [Int32] {
    (0..<layout.sampleCount).flatMap { sample in
      switch part {
      case .separators:
        stride(from: 0, to: layout.localCount, by: layout.chunkSize).map { localRow(sample, $0) }
      case .tokenPositions:
        tokenLocals.map { Int32(sample * layout.length + $0 - 1) }
      case .tokens:
        tokenLocals.map { localRow(sample, $0) }
      }
    }
  }

  /// Locals of a sample that are tokens.
  private var tokenLocals: [Int] { (1..<layout.localCount).filter { $0 % layout.chunkSize != 0 } }

  private func localRow(_ sample: Int, _ index: Int) -> Int32 {
    Int32(layout.sampleCount * layout.globalCount + sample * layout.localCount + index)
  }
}
