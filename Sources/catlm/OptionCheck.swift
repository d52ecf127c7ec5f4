import ArgumentParser

/// Refuses options' values, each time with what was found and what is allowed.
enum OptionCheck {
  static func require<Value: Comparable>(_ option: String, _ value: Value?, in range: PartialRangeFrom<Value>) throws {
    guard let value, !range.contains(value) else { return }
    throw error(option, found: "\(value)", allowed: "\(range.lowerBound) and more")
  }

  static func require<Value: Comparable>(_ option: String, _ value: Value?, in range: ClosedRange<Value>) throws {
    guard let value, !range.contains(value) else { return }
    throw error(option, found: "\(value)", allowed: "\(range.lowerBound) to \(range.upperBound)")
  }

  static func error(_ option: String, found: String, allowed: String) -> ValidationError {
    ValidationError("\(option): found \(found), allowed: \(allowed)")
  }
}
