import ArgumentParser

/// The value of an option of comma-separated integers, such as `512,1024`.
struct IntegerList: ExpressibleByArgument, CustomStringConvertible {
  /// What stands for a value in help and messages.
  static let valueName = "integer,..."

  let values: [Int]

  init(_ values: [Int]) {
    self.values = values
  }

  init?(argument: String) {
    let parts = argument.split(separator: ",", omittingEmptySubsequences: false).map { Int($0) }
    let values = parts.compactMap { $0 }
    guard values.count == parts.count else { return nil }
    self.values = values
  }

  var description: String { values.map(String.init).joined(separator: ",") }
}
