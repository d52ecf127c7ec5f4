/// Allowed values in words.
package enum AllowedValues {
  package static func describe(_ range: ClosedRange<Int>) -> String {
    switch (range.lowerBound == .min, range.upperBound == .max) {
    case (true, true): "an integer"
    case (false, true): "an integer in \(range.lowerBound)..."
    case (true, false): "an integer in ...\(range.upperBound)"
    case (false, false): "an integer in \(range.lowerBound)...\(range.upperBound)"
    }
  }

  /// - Parameter range: a bound one step beside zero or one stands for an open end there.
  package static func describe(_ range: ClosedRange<Double>) -> String {
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

  /// The integers of a range, for a table.
  package static func limits(_ range: ClosedRange<Int>) -> String {
    let low = range.lowerBound == .min ? "" : "\(range.lowerBound)"
    return low + "..." + (range.upperBound == .max ? "" : "\(range.upperBound)")
  }

  /// The numbers of a range, for a table.
  package static func limits(_ range: ClosedRange<Double>) -> String {
    let (low, high) = (range.lowerBound, range.upperBound)
    let least = low <= -.greatestFiniteMagnitude ? "" : brief(low)
    return least + "..." + (high >= .greatestFiniteMagnitude ? "" : brief(high))
  }

  /// A number without a point where it needs none; large powers of ten as such.
  package static func brief(_ number: Double) -> String {
    guard number.magnitude < 1e6 else { return "\(number)".replacing(".0e+", with: "e").replacing("e+", with: "e") }
    return Int(exactly: number).map(String.init) ?? "\(number)"
  }

  /// The names of all cases, for a table.
  package static func names<C: RawRepresentable & CaseIterable>(_ type: C.Type) -> String where C.RawValue == String {
    C.allCases.map(\.rawValue).joined(separator: ", ")
  }

  package static func describe<C: RawRepresentable & CaseIterable>(_ type: C.Type) -> String
  where C.RawValue == String {
    "one of " + names(type)
  }
}
