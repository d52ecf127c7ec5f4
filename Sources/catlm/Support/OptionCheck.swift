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

/// The value of an option of comma-separated integers, such as `512,1024`.
struct IntegerList: ExpressibleByArgument, CustomStringConvertible {
  /// What stands for a value in help and messages.
  static let valueName = "integer,..."

  let values: [Int]

  init(_ values: [Int]) {
    self.values = values
  }

  init?(argument: String) {
    let parts = Self.parts(argument).map { Int($0) }
    let values = parts.compactMap { $0 }
    guard values.count == parts.count else { return nil }
    self.values = values
  }

  /// What stands between commas, be there brackets around it or not, as around a list of a run file.
  static func parts(_ text: String) -> [Substring] {
    let isBracketed = text.hasPrefix("[") && text.hasSuffix("]")
    let inner = isBracketed ? text.dropFirst().dropLast() : text[...]
    return inner.split(separator: ",", omittingEmptySubsequences: false).map { part in
      let start = part.drop { $0 == " " }
      return start.dropLast(start.reversed().prefix { $0 == " " }.count)
    }
  }

  var description: String { values.map(String.init).joined(separator: ",") }
}
