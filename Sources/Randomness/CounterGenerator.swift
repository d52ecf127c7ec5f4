internal import Foundation

/// Random numbers that are a pure function of seed, stream, index and the number of draws before.
///
/// There is no state to save: whoever knows the four numbers can make any draw again, on any rank, in any order.
///
/// - Source: Philox 4×32-10 of Salmon et al., "Parallel random numbers: as easy as 1, 2, 3" (2011).
package struct CounterGenerator: RandomNumberGenerator, Sendable {
  private let key: SIMD2<UInt32>
  private let stream: UInt32
  private let index: UInt64
  private var block: UInt32 = 0
  private var second: UInt64?

  /// A generator at its first draw.
  ///
  /// - Parameters:
  ///   - seed: the run's seed.
  ///   - stream: what the numbers are for; one of ``RandomStream``.
  ///   - index: which step, sample or tensor they are for.
  package init(seed: UInt64, stream: UInt64, index: UInt64 = 0) {
    // The counter has room for half of the stream's number; the other half is zero for every ``RandomStream``.
    let mixed = seed ^ ((stream >> 32) &* 0x9E37_79B9_7F4A_7C15)
    self.key = SIMD2(UInt32(truncatingIfNeeded: mixed), UInt32(truncatingIfNeeded: mixed >> 32))
    self.stream = UInt32(truncatingIfNeeded: stream)
    self.index = index
  }

  /// The generator of one of the program's streams.
  package init(seed: UInt64, stream: RandomStream, index: UInt64 = 0) {
    self.init(seed: seed, stream: stream.rawValue, index: index)
  }

  package mutating func next() -> UInt64 {
    if let value = second {
      second = nil
      return value
    }
    let output = Philox.block(
      counter: SIMD4(
        block, stream, UInt32(truncatingIfNeeded: index), UInt32(truncatingIfNeeded: index >> 32)), key: key)
    block += 1  // traps after 2³³ draws rather than repeat them
    second = UInt64(output[3]) << 32 | UInt64(output[2])
    return UInt64(output[1]) << 32 | UInt64(output[0])
  }

  /// A number in `0 ..< 1`, a multiple of 2⁻⁵³.
  package mutating func uniform() -> Double {
    Double(next() >> 11) * 0x1p-53
  }

  /// An integer in `0 ..< bound`, each equally likely.
  ///
  /// - Source: Lemire, "Fast random integer generation in an interval" (2019).
  package mutating func below(_ bound: Int) -> Int {
    precondition(bound > 0, "below: bound \(bound)")
    let bound = UInt64(bound)
    var product = next().multipliedFullWidth(by: bound)
    if product.low < bound {
      let threshold = (0 &- bound) % bound
      while product.low < threshold { product = next().multipliedFullWidth(by: bound) }
    }
    return Int(product.high)
  }

  /// A number of the standard normal distribution. Always two draws, nothing kept for the next call.
  ///
  /// - Source: Box and Muller (1958).
  package mutating func normal() -> Double {
    let radius = (-2 * log(1 - uniform())).squareRoot()
    return radius * cos(2 * Double.pi * uniform())
  }

  /// An index of `weights`, each as likely as its weight's share of their sum.
  ///
  /// - Parameter weights: none negative, at least one positive.
  package mutating func choose(_ weights: [Double]) -> Int {
    let total = weights.reduce(0, +)
    precondition(total > 0 && total.isFinite && weights.allSatisfy { $0 >= 0 }, "choose: weights \(weights)")
    var rest = uniform() * total
    var last = 0
    for (index, weight) in weights.enumerated() where weight > 0 {
      if rest < weight { return index }
      rest -= weight
      last = index
    }
    return last  // rounding only
  }
}

/// What random numbers are for. Streams of one seed are independent of each other.
package enum RandomStream: UInt64, CaseIterable, Sendable {
  case initialWeights = 1
  case chunkSize
  case sampleOrder
  case task
  case generation
  case validation
}

/// The bijection behind ``CounterGenerator``: 128 bits of counter to 128 random bits, for each key.
///
/// - Source: Philox 4×32-10, with the constants of the Random123 library.
enum Philox {
  static func block(counter: SIMD4<UInt32>, key: SIMD2<UInt32>) -> SIMD4<UInt32> {
    var (c0, c1, c2, c3) = (counter[0], counter[1], counter[2], counter[3])
    var (k0, k1) = (key[0], key[1])
    for _ in 0..<10 {
      let first = c0.multipliedFullWidth(by: 0xD251_1F53)
      let second = c2.multipliedFullWidth(by: 0xCD9E_8D57)
      (c0, c1, c2, c3) = (second.high ^ c1 ^ k0, second.low, first.high ^ c3 ^ k1, first.low)
      k0 &+= 0x9E37_79B9
      k1 &+= 0xBB67_AE85
    }
    return SIMD4(c0, c1, c2, c3)
  }
}
