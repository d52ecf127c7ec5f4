internal import TensorCore

/// Where CAT's decoder rows lie: globals of all samples first, then locals of all samples; dead rows left out.
struct PackedLayout {
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

  private func globalRow(_ sample: Int, _ index: Int) -> Int32 {
    Int32(sample * globalCount + index)
  }

  private func localRow(_ sample: Int, _ index: Int) -> Int32 {
    Int32(sampleCount * globalCount + sample * localCount + index)
  }

  var adaptiveRows: [Int32] {
    (0..<sampleCount).map { globalRow($0, 0) }
  }

  var compressedRows: [Int32] {
    (0..<sampleCount).flatMap { sample in (1..<globalCount).map { globalRow(sample, $0) } }
  }

  var separatorRows: [Int32] {
    (0..<sampleCount).flatMap { sample in
      stride(from: 0, to: localCount, by: chunkSize).map { localRow(sample, $0) }
    }
  }

  /// Positions `b·T + t` of the tokens that have a row, and that row.
  var tokenRows: (positions: [Int32], rows: [Int32]) {
    var positions: [Int32] = []
    var rows: [Int32] = []
    for sample in 0..<sampleCount {
      for index in 1..<localCount where index % chunkSize != 0 {
        positions.append(Int32(sample * length + index - 1))
        rows.append(localRow(sample, index))
      }
    }
    return (positions, rows)
  }

  /// The row, counted from the first local, that predicts what follows each position `b·T + t`.
  func predictingRows(_ positions: [Int32]) -> [Int32] {
    positions.map { position in
      let (sample, index) = Int(position).quotientAndRemainder(dividingBy: length)
      return Int32(sample * localCount + index + 1)
    }
  }

  /// Ids of all full chunks, `[B·F·C]`.
  func fullChunkIDs(_ ids: [Int32]) -> [Int32] {
    let covered = fullChunkCount * chunkSize
    if covered == length { return ids }
    return (0..<sampleCount).flatMap { ids[$0 * length..<$0 * length + covered] }
  }

  /// Index of each full chunk in its sample, `[B·F]`.
  var fullChunkIndices: [Int32] {
    (0..<sampleCount).flatMap { _ in (0..<Int32(fullChunkCount)).map { $0 } }
  }
}
