/// How the values of a tensor are spread: counts in bins of equal width.
package struct Histogram: Hashable, Sendable {
  /// What is counted, such as `weights/lm_head.weight`.
  package var name: String
  package var least: Double
  package var largest: Double
  package var count: Int
  package var sum: Double
  package var sumOfSquares: Double
  /// From `least` to `largest`.
  package var bins: [Int]
}

extension Histogram {
  /// Bins that a histogram has.
  package static let binCount = 30

  /// Counts values; those that are not finite are left out.
  ///
  /// - Returns: nil where none is left.
  package init?(_ name: String, of values: [Float]) {
    let finite = values.filter(\.isFinite)
    guard let least = finite.min(), let largest = finite.max() else { return nil }
    self.init(
      name: name, least: Double(least), largest: Double(largest), count: finite.count, sum: 0, sumOfSquares: 0,
      bins: [Int](repeating: 0, count: Self.binCount))
    let scale = self.largest > self.least ? Double(Self.binCount) / (self.largest - self.least) : 0
    for value in finite {
      let value = Double(value)
      sum += value
      sumOfSquares += value * value
      bins[min(Self.binCount - 1, Int((value - self.least) * scale))] += 1
    }
  }
}
