/// A permutation of `0 ..< count` that is computed entry by entry, from a key, without a table.
///
/// A Feistel network permutes the smallest range `0 ..< 4ⁿ` that holds all entries; an entry that lands outside
/// `0 ..< count` is sent through again until it lands inside ("cycle walking"), fewer than four times on average.
package struct KeyedPermutation: Sendable {
  package let count: Int
  private let halfBitCount: Int
  private let roundKeys: [UInt64]

  /// - Parameters:
  ///   - count: how many numbers are permuted.
  ///   - seed: the run's seed.
  ///   - epoch: which pass over the numbers; each has its own order.
  ///   - source: which of several things with orders of their own.
  package init(count: Int, seed: UInt64, epoch: Int, source: Int = 0) {
    precondition(
      count >= 0 && epoch >= 0 && epoch < 1 << 48 && source >= 0 && source < 1 << 16,
      "permutation: count \(count), epoch \(epoch), source \(source)")
    self.count = count
    let bitCount = count > 1 ? Int.bitWidth - (count - 1).leadingZeroBitCount : 1
    self.halfBitCount = (bitCount + 1) / 2
    var generator = CounterGenerator(seed: seed, stream: .sampleOrder, index: UInt64(source) << 48 | UInt64(epoch))
    self.roundKeys = (0..<8).map { _ in generator.next() }
  }

  /// Where `index` goes.
  package subscript(index: Int) -> Int {
    precondition(index >= 0 && index < count, "permutation: index \(index) of \(count)")
    var value = UInt64(index)
    repeat { value = permuted(value) } while value >= UInt64(count)
    return Int(value)
  }

  private func permuted(_ value: UInt64) -> UInt64 {
    let mask = (1 as UInt64) << UInt64(halfBitCount) - 1
    var (left, right) = (value >> UInt64(halfBitCount), value & mask)
    for key in roundKeys {
      (left, right) = (right, left ^ (Self.mixed(right ^ key) & mask))
    }
    return left << UInt64(halfBitCount) | right
  }

  /// The finaliser of SplitMix64.
  private static func mixed(_ value: UInt64) -> UInt64 {
    var z = value &+ 0x9E37_79B9_7F4A_7C15
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}
