/// How the samples of a step are dealt out: micro-batches are fixed slices, and ranks split each of them.
package struct BatchShare: Hashable, Sendable {
  package let batchSize: Int
  package let accumulation: Int
  package let rank: Int
  package let rankCount: Int

  package init(batchSize: Int, accumulation: Int, rank: Int, rankCount: Int) {
    self.batchSize = batchSize
    self.accumulation = accumulation
    self.rank = rank
    self.rankCount = rankCount
  }

  /// This rank's samples of micro-batch `index`: contiguous, shares differ by one sample at most.
  package func samples(microBatch index: Int) -> Range<Int> {
    let slice = Self.part(index, of: accumulation, over: 0..<batchSize)
    return Self.part(rank, of: rankCount, over: slice)
  }

  private static func part(_ index: Int, of count: Int, over range: Range<Int>) -> Range<Int> {
    let start = range.lowerBound + range.count * index / count
    let end = range.lowerBound + range.count * (index + 1) / count
    return start..<end
  }
}
