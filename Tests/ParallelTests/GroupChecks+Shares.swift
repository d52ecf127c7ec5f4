import Parallel
import Testing

/// The nearest bfloat16 value, found by comparing the two on either side.
private func rounded(_ value: Float) -> Float {
  guard value.isFinite else { return value }
  let below = Float(bitPattern: value.bitPattern & 0xffff_0000)
  let above = Float(bitPattern: below.bitPattern &+ 0x1_0000)
  // What is too large for the largest value lies nearer to the power of two beyond it.
  let beyond = above.isFinite ? Double(above) : above.sign == .plus ? 0x1p128 : -0x1p128
  let (down, up) = (abs(Double(value) - Double(below)), abs(beyond - Double(value)))
  if down == up { return below.bitPattern & 0x1_0000 == 0 ? below : above }
  return down < up ? below : above
}

extension GroupChecks {
  /// Integers that bfloat16 holds, whose sums single precision holds.
  private static func integer(_ i: Int, rank: Int) -> Float { Float((i + rank) % 100) }

  func sharesAreSummed(_ share: ShareKind, wire: WireFormat) throws {
    let results = try kind.run { group in
      let ranges = share.ranges(size: group.size)
      var values = (0..<share.count).map { Self.integer($0, rank: group.rank) }
      try values.withUnsafeMutableBufferPointer { try group.reduceScatter($0, ranges: ranges, wire: wire) }
      let expected = ranges[group.rank].map { i in
        (0..<group.size).reduce(0) { $0 + Self.integer(i, rank: $1) }
      }
      return (Array(values[ranges[group.rank]]), expected)
    }
    for (found, expected) in results { #expect(found == expected) }
  }

  func sharesAreCopied(_ share: ShareKind, wire: WireFormat) throws {
    let results = try kind.run { group in
      let ranges = share.ranges(size: group.size)
      let all = (0..<share.count).map { 1 / Float($0 + 3) }
      var values = all.indices.map { ranges[group.rank].contains($0) ? all[$0] : -1 }
      try values.withUnsafeMutableBufferPointer { try group.allGather($0, ranges: ranges, wire: wire) }
      return (values, wire == .float32 || group.size == 1 ? all : all.map(rounded))
    }
    for (found, expected) in results { #expect(found == expected) }
  }

  /// Every kind of value, and the bits of all sums.
  func roundedSumsAreThoseOfRankOrder(count: Int) throws {
    let special: [Float] = [
      0, -0.0, .infinity, .leastNonzeroMagnitude, .leastNormalMagnitude, .greatestFiniteMagnitude, 1.00390625,
      1.01171875, 1e30, -1e30,
    ]
    let value: @Sendable (Int, Int) -> Float = { i, rank in
      i % 16 < special.count ? special[(i + rank) % special.count] : Float(i % 1000 - 500) / Float(rank + 3)
    }
    let results = try kind.run { group in
      var values = (0..<count).map { value($0, group.rank) }
      try values.withUnsafeMutableBufferPointer { try group.allReduce($0, wire: .bfloat16) }
      let expected = (0..<count).map { i in
        guard group.size > 1 else { return value(i, 0) }
        return rounded((1..<group.size).reduce(rounded(value(i, 0))) { $0 + rounded(value(i, $1)) })
      }
      return values.indices.first { values[$0].bitPattern != expected[$0].bitPattern && !expected[$0].isNaN }
        .map { "value \($0): found \(values[$0]), expected \(expected[$0])" }
    }
    for difference in results { #expect(difference == nil) }
  }
}
