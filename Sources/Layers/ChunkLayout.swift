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

  private func globalRow(_ sample: Int, _ index: Int) -> Int32 {
    Int32(sample * globalCount + index)
  }

  /// `[B]`.
  package var dummyRows: [Int32] {
    (0..<sampleCount).map { globalRow($0, 0) }
  }

  /// `[B·F]`, chunks of a sample side by side.
  package var chunkRows: [Int32] {
    (0..<sampleCount).flatMap { sample in (1..<globalCount).map { globalRow(sample, $0) } }
  }

  /// Positions `b·T + t` of the tokens that have a row, and that row.
  package var tokenRows: (positions: [Int32], rows: [Int32]) {
    let positions = (0..<Int32(sampleCount * length)).filter { !endsChunk(Int($0) % length) }
    let first = Int32(sampleCount * globalCount)
    return (positions, positions.indices.map { first + Int32($0) })
  }

  /// The row whose output is that of each position `b·T + t`: the token's own, or the vector of the chunk it ends.
  package func outputRows(_ positions: [Int32]) -> [Int32] {
    positions.map { position in
      let (sample, t) = Int(position).quotientAndRemainder(dividingBy: length)
      let chunk = t / chunkSize
      if endsChunk(t) { return globalRow(sample, chunk + 1) }
      return Int32(sampleCount * globalCount + sample * localCount + t - chunk)
    }
  }

  private func endsChunk(_ t: Int) -> Bool { (t + 1) % chunkSize == 0 }

  /// Positions `b·T + t` of the tokens of all full chunks, in order.
  package var fullChunkPositions: [Int32] {
    let covered = fullChunkCount * chunkSize
    return (0..<sampleCount).flatMap { sample in (0..<covered).map { Int32(sample * length + $0) } }
  }

  /// Index of each full chunk in its sample, `[B·F]`.
  package var fullChunkIndices: [Int32] {
    (0..<sampleCount).flatMap { _ in (0..<Int32(fullChunkCount)).map { $0 } }
  }
}
