/// The flat gradients cut into buckets that are summed over the ranks one at a time.
///
/// Models list their parameters in the order of the forward pass, so the backward pass finishes gradients from the end
/// of the flat buffer to its beginning: tied tensors when the first op that reads them is reached, embeddings and what
/// lies before them last. Buckets are numbered in that order, and all ranks send them in it.
package struct BucketPlan: Hashable, Sendable {
  /// Shares begin at multiples of this many floats, counted from their bucket's start: a cache line.
  private static let alignment = 16

  /// Length of the flat buffers.
  package let count: Int
  private let bucketSize: Int

  /// - Parameters:
  ///   - count: parameters.
  ///   - bucketBytes: size of a bucket's gradients; the last bucket may be smaller.
  package init(count: Int, bucketBytes: Int) {
    self.count = count
    bucketSize = max(1, bucketBytes / MemoryLayout<Float>.stride)
  }

  package var bucketCount: Int { (count + bucketSize - 1) / bucketSize }

  /// Bucket `index`, as a range of the flat buffers.
  package func range(_ index: Int) -> Range<Int> {
    let end = count - index * bucketSize
    return max(0, end - bucketSize)..<end
  }

  /// The buckets that a range of the flat buffers touches.
  package func buckets(touching range: Range<Int>) -> Range<Int> {
    guard !range.isEmpty else { return 0..<0 }
    return (count - range.upperBound) / bucketSize..<(count - 1 - range.lowerBound) / bucketSize + 1
  }

  /// What each rank owns of bucket `index`: ranges from the bucket's start that cover it, in rank order.
  package func shares(_ index: Int, rankCount: Int) -> [Range<Int>] {
    let length = range(index).count
    let lines = (length + Self.alignment - 1) / Self.alignment
    let ends = (0...rankCount).map { min(length, lines * $0 / rankCount * Self.alignment) }
    return (0..<rankCount).map { ends[$0]..<ends[$0 + 1] }
  }

  /// Which rank owns which part of a range of the flat buffers, by address.
  package func owners(of range: Range<Int>, rankCount: Int) -> [(rank: Int, part: Range<Int>)] {
    buckets(touching: range).reversed().flatMap { index in
      let start = self.range(index).lowerBound
      return shares(index, rankCount: rankCount).enumerated().compactMap { rank, share in
        let part = (start + share.lowerBound..<start + share.upperBound).clamped(to: range)
        return part.isEmpty ? nil : (rank, part)
      }
    }
  }

  /// The parts of the flat buffers that `rank` owns, by address.
  package func owned(by rank: Int, of rankCount: Int) -> [Range<Int>] {
    (0..<bucketCount).reversed().compactMap { index in
      let share = shares(index, rankCount: rankCount)[rank]
      let start = range(index).lowerBound
      return share.isEmpty ? nil : start + share.lowerBound..<start + share.upperBound
    }
  }
}

/// Which buckets of a step are final, counted down as the backward pass goes by.
struct BucketCountdown {
  private let plan: BucketPlan
  private var outstanding: [Int]
  private var next = 0

  /// - Parameter writes: what the backward pass has yet to add to.
  init(_ plan: BucketPlan, writes: [Range<Int>]) {
    self.plan = plan
    outstanding = Array(repeating: 0, count: plan.bucketCount)
    for write in writes {
      for bucket in plan.buckets(touching: write) { outstanding[bucket] += 1 }
    }
  }

  mutating func finish(_ write: Range<Int>) {
    for bucket in plan.buckets(touching: write) { outstanding[bucket] -= 1 }
  }

  /// The next bucket, if it is final. A bucket waits for all before it: every rank sends them in the same order.
  mutating func takeNext() -> Int? {
    guard next < outstanding.count, outstanding[next] == 0 else { return nil }
    defer { next += 1 }
    return next
  }
}
