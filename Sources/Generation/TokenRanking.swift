/// The tokens of a distribution from the most likely to the least, of equally likely ones by their ids, without sorting all
/// of them.
///
/// Tokens lie in buckets by their logits. Whoever wants the first few, or the token at some place of the cumulated
/// distribution, sorts the buckets that it reaches alone.
struct TokenRanking {
  private static let bucketCount = 1024

  let largest: Float
  private let logits: [Float]
  /// Of each token, the bucket; those of the largest logits come first.
  private let buckets: [UInt16]
  /// Tokens in each bucket.
  private let counts: [Int32]

  /// - Parameters:
  ///   - logits: `[V]`, all finite, at least one.
  ///   - reach: logits that are further below the largest need no order: they share the last bucket.
  init(_ logits: [Float], reach: Float = .infinity) {
    var largest = -Float.infinity
    var smallest = Float.infinity
    for logit in logits {
      largest = max(largest, logit)
      smallest = min(smallest, logit)
    }
    let width = max(min(largest - smallest, reach, .greatestFiniteMagnitude), .leastNormalMagnitude)
    let scale = min(Float(Self.bucketCount - 1) / width, .greatestFiniteMagnitude)
    var buckets = [UInt16](repeating: 0, count: logits.count)
    var counts = [Int32](repeating: 0, count: Self.bucketCount)
    for index in logits.indices {
      let place = min((largest - logits[index]) * scale, Float(Self.bucketCount - 1))
      buckets[index] = UInt16(place)
      counts[Int(place)] += 1
    }
    self.logits = logits
    self.largest = largest
    self.buckets = buckets
    self.counts = counts
  }

  /// The first `count` tokens, fewer if there are fewer.
  func first(_ count: Int) -> [Int32] {
    guard count > 0 else { return [] }
    var found = 0
    let last = counts.indices.first {
      found += Int(counts[$0])
      return found >= count
    }
    return Array(members(of: 0...(last ?? Self.bucketCount - 1)).prefix(count))
  }

  /// The tokens of some buckets, in order.
  private func members(of range: ClosedRange<Int>) -> [Int32] {
    var members: [Int32] = []
    for index in buckets.indices where range.contains(Int(buckets[index])) { members.append(Int32(index)) }
    members.sort { logits[Int($0)] != logits[Int($1)] ? logits[Int($0)] > logits[Int($1)] : $0 < $1 }
    return members
  }

  // MARK: Weights

  /// What the tokens of each bucket weigh together.
  ///
  /// - Parameter weights: of each token.
  func masses(_ weights: [Double]) -> [Double] {
    var masses = [Double](repeating: 0, count: Self.bucketCount)
    for index in buckets.indices { masses[Int(buckets[index])] += weights[index] }
    return masses
  }

  /// The first token, in order, with which the weights of all so far are more than `bound`; the last that weighs anything
  /// where they never are.
  ///
  /// - Parameter masses: of the buckets; at least one is positive.
  /// - Returns: the token, and the weights of all up to it.
  func exceeding(_ bound: Double, weights: [Double], masses: [Double]) -> (token: Int32, sum: Double) {
    let last = masses.lastIndex { $0 > 0 } ?? 0
    var sum = 0.0
    var bucket = 0
    while bucket < last, sum + masses[bucket] <= bound {
      sum += masses[bucket]
      bucket += 1
    }
    var found: (token: Int32, sum: Double) = (0, sum)
    for token in members(of: bucket...bucket) where weights[Int(token)] > 0 {
      found = (token, found.sum + weights[Int(token)])
      if found.sum > bound { break }
    }
    return found
  }
}
