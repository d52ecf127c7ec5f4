/// The order in which several sources give samples: a cycle whose every beginning holds of each source what its weight
/// says, within one sample.
///
/// Sample k of a source, counted from 0, may come once the source's due number of samples exceeds k, and must come
/// before that number reaches k + 1 and a further sample is drawn; of those that may come, the one that must come first
/// does. As exactly one sample is due at each place, none is ever late.
///
/// - Source: Still 1979, "A class of new methods for congressional apportionment"; as scheduling by earliest deadline,
///   Baruah et al. 1996, "Proportionate progress".
struct MixtureCycle: Sendable {
  /// Longest cycle, in samples.
  static let limit = 1_000_000
  /// Most sources.
  static let sourceLimit = 256

  /// Samples of each source in a cycle; their greatest common divisor is 1.
  let shares: [Int]
  /// Samples of a cycle.
  let count: Int
  /// For each place of the cycle its source, and how many samples of that source come before it in the cycle.
  private let places: [(source: UInt8, before: UInt32)]

  /// - Parameter weights: positive, taken as the decimal numbers that they are written as.
  /// - Returns: nil if their ratios need a cycle longer than ``limit``.
  init?(weights: [Double]) {
    precondition(!weights.isEmpty && weights.count <= Self.sourceLimit, "mixture: \(weights.count) sources")
    guard let shares = Self.shares(weights) else { return nil }
    self.shares = shares
    let cycle = shares.reduce(0, +)
    count = cycle
    var drawn = [Int](repeating: 0, count: shares.count)
    var deadlines = shares.map { (cycle + $0 - 1) / $0 }
    var places: [(source: UInt8, before: UInt32)] = []
    places.reserveCapacity(cycle)
    for place in 0..<cycle {
      var chosen = -1
      for source in shares.indices where drawn[source] * cycle < (place + 1) * shares[source] {
        if chosen < 0 || deadlines[source] < deadlines[chosen] { chosen = source }
      }
      places.append((UInt8(chosen), UInt32(drawn[chosen])))
      drawn[chosen] += 1
      deadlines[chosen] = ((drawn[chosen] + 1) * cycle + shares[chosen] - 1) / shares[chosen]
    }
    self.places = places
  }

  /// The source of the sample with a number, counted from 0, and how many of that source come before it.
  subscript(sample: Int) -> (source: Int, before: Int) {
    let (cycle, place) = sample.quotientAndRemainder(dividingBy: count)
    let (source, before) = places[place]
    return (Int(source), cycle * shares[Int(source)] + Int(before))
  }

  // MARK: Weights as integers

  private static func shares(_ weights: [Double]) -> [Int]? {
    let decimals = weights.map(Decimal.init)
    let exponent = decimals.map(\.exponent).min() ?? 0
    var shares: [Int] = []
    for decimal in decimals {
      var share = decimal.digits
      for _ in exponent..<decimal.exponent {
        let (product, overflows) = share.multipliedReportingOverflow(by: 10)
        if overflows { return nil }
        share = product
      }
      shares.append(share)
    }
    let divisor = shares.reduce(0, greatestCommonDivisor)
    shares = shares.map { $0 / divisor }
    let sum = shares.reduce(into: 0) { $0 = $0.addingReportingOverflow($1).overflow ? Int.max : $0 + $1 }
    return sum <= limit ? shares : nil
  }

  private static func greatestCommonDivisor(_ a: Int, _ b: Int) -> Int {
    b == 0 ? a : greatestCommonDivisor(b, a % b)
  }

  /// A positive number as its shortest decimal form: `digits` · 10^`exponent`.
  private struct Decimal {
    let digits: Int
    let exponent: Int

    init(_ value: Double) {
      let parts = "\(value)".split(separator: "e")
      let mantissa = parts[0].split(separator: ".", omittingEmptySubsequences: false)
      let fraction = mantissa.count > 1 ? mantissa[1] : ""
      var digits = Int(mantissa[0] + fraction) ?? 0
      var exponent = (parts.count > 1 ? Int(parts[1]) ?? 0 : 0) - fraction.count
      while digits > 0, digits % 10 == 0 {
        digits /= 10
        exponent += 1
      }
      self.digits = digits
      self.exponent = exponent
    }
  }
}
