internal import Foundation
internal import Randomness

/// Multi-query associative recall: pairs of a key and a value, then each key again, after which its value is due.
///
/// - Source: Zoology (Arora et al. 2023), `multiquery_ar` with `power_a` 0.01 and `random_non_queries`.
package struct MQARTask: Hashable, Sendable {
  /// Samples of one shape.
  package struct Segment: Hashable, Sendable {
    /// T; even.
    package let length: Int
    /// Pairs of key and value, and as many queries; at most a quarter of the length.
    package let pairCount: Int

    package init(length: Int, pairCount: Int) {
      precondition(
        length % 2 == 0 && pairCount > 0 && 4 * pairCount <= length, "mqar: \(pairCount) pairs in \(length) ids")
      self.length = length
      self.pairCount = pairCount
    }
  }

  /// V: keys are below the half, values above.
  package let vocabularySize: Int

  /// - Parameter vocabularySize: twice as large as any segment's number of pairs, and one more key.
  package init(vocabularySize: Int) {
    self.vocabularySize = vocabularySize
  }

  /// Most pairs that the vocabulary has keys for.
  package var largestPairCount: Int { vocabularySize / 2 - 1 }

  /// Adds one sample to `inputs` and `targets`, drawn from `generator`.
  func append(
    _ segment: Segment, from generator: inout CounterGenerator, inputs: inout [Int32], targets: inout [Int32]
  ) {
    let contextLength = 2 * segment.pairCount
    let keys = Self.distinct(segment.pairCount, in: 1..<vocabularySize / 2, from: &generator)
    let values = Self.distinct(segment.pairCount, in: vocabularySize / 2..<vocabularySize, from: &generator)
    let gaps = Self.gaps(segment.pairCount, of: (segment.length - contextLength) / 2, from: &generator)
    let start = inputs.count
    for (key, value) in zip(keys, values) { inputs += [key, value] }
    for _ in contextLength..<segment.length { inputs.append(Int32(generator.below(vocabularySize))) }
    targets += repeatElement(TokenBatch.ignored, count: segment.length)
    for (pair, gap) in gaps.enumerated() {
      let place = start + contextLength + 2 * gap
      inputs[place] = keys[pair]
      targets[place] = values[pair]
    }
  }

  /// `count` different ids of `range`, in random order.
  private static func distinct(_ count: Int, in range: Range<Int>, from generator: inout CounterGenerator) -> [Int32] {
    precondition(count <= range.count, "mqar: \(count) of \(range.count) ids")
    var seen: Set<Int32> = []
    var ids: [Int32] = []
    while ids.count < count {
      let id = Int32(range.lowerBound + generator.below(range.count))
      if seen.insert(id).inserted { ids.append(id) }
    }
    return ids
  }

  /// `count` different numbers of `0 ..< slotCount`, drawn one after the other with probability proportional to
  /// `(i + 1)^(a - 1)` among those left.
  ///
  /// The smallest of exponential variables with the weights as rates are such a draw, in order (Efraimidis and Spirakis
  /// 2006).
  static func gaps(_ count: Int, of slotCount: Int, from generator: inout CounterGenerator) -> [Int] {
    let arrivals = (0..<slotCount).map { slot in
      (time: -log(1 - generator.uniform()) * pow(Double(slot + 1), 1 - powerLawExponent), slot: slot)
    }
    return arrivals.sorted { ($0.time, $0.slot) < ($1.time, $1.slot) }.prefix(count).map(\.slot)
  }

  static let powerLawExponent = 0.01
}
