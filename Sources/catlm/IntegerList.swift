import ArgumentParser

/// An option of comma-separated integers, such as `512,1024`.
struct IntegerList: ExpressibleByArgument {
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

  var defaultValueDescription: String { values.map(String.init).joined(separator: ",") }
}
