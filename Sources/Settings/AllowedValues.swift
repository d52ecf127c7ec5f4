/// Allowed values in words.
enum AllowedValues {
  static func describe(_ range: ClosedRange<Int>) -> String {
    switch (range.lowerBound == .min, range.upperBound == .max) {
    case (true, true): "an integer"
    case (false, true): "an integer in \(range.lowerBound)..."
    case (true, false): "an integer in ...\(range.upperBound)"
    case (false, false): "an integer in \(range.lowerBound)...\(range.upperBound)"
    }
  }

  /// - Parameter range: a bound one step beside zero or one stands for an open end there.
  static func describe(_ range: ClosedRange<Double>) -> String {
    let (low, high) = (range.lowerBound, range.upperBound)
    var limits: [String] = []
    if low == .leastNonzeroMagnitude || low == .leastNormalMagnitude {
      limits.append("above 0")
    } else if low > -.greatestFiniteMagnitude {
      limits.append("at least \(low)")
    }
    if high == (1.0).nextDown {
      limits.append("below 1")
    } else if high < .greatestFiniteMagnitude {
      limits.append("at most \(high)")
    }
    return limits.isEmpty ? "a finite number" : "a number " + limits.joined(separator: " and ")
  }

  static func describe<C: RawRepresentable & CaseIterable>(_ type: C.Type) -> String where C.RawValue == String {
    "one of " + C.allCases.map(\.rawValue).joined(separator: ", ")
  }
}
