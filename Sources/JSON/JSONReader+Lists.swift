// A lone scalar stands for a list of one, so that `--set train.chunk_sizes=8` works, and numbers may stand between commas
// without brackets (`--set train.chunk_sizes=2,8`); both are recorded as lists.
extension JSONReader {
  /// The integers under `key`.
  ///
  /// - Parameters:
  ///   - default: taken where the key is absent; nil makes the key required.
  ///   - allowed: what each may be.
  package func integers(
    _ key: String, default: [Int]? = nil, in allowed: ClosedRange<Int> = 0...Int.max
  ) throws(JSONError) -> [Int] {
    let fallback = `default`.map { JSONValue.list($0.map(JSONValue.integer)) }
    let list = try required(key, fallback, "a list, each \(AllowedValues.describe(allowed))")
    var values: [Int] = []
    for (name, element) in elements(key, Self.split(list)) { values.append(try checked(name, element, in: allowed)) }
    return recorded(key, values) { .list($0.map(JSONValue.integer)) }
  }

  /// The numbers under `key`.
  package func numbers(
    _ key: String, default: [Double]? = nil, in allowed: ClosedRange<Double> = anyNumber
  ) throws(JSONError) -> [Double] {
    let fallback = `default`.map { JSONValue.list($0.map(JSONValue.number)) }
    let list = try required(key, fallback, "a list, each \(AllowedValues.describe(allowed))")
    var values: [Double] = []
    for (name, element) in elements(key, Self.split(list)) { values.append(try checked(name, element, in: allowed)) }
    return recorded(key, values) { .list($0.map(JSONValue.number)) }
  }

  /// The texts under `key`.
  package func texts(_ key: String, default: [String]? = nil) throws(JSONError) -> [String] {
    let fallback = `default`.map { JSONValue.list($0.map(JSONValue.text)) }
    let list = try required(key, fallback, "text or a list of texts")
    var values: [String] = []
    for (name, element) in elements(key, list) { values.append(try checkedText(name, element)) }
    return recorded(key, values) { .list($0.map(JSONValue.text)) }
  }

  /// The list that a text with commas stands for; other values as they are.
  private static func split(_ value: JSONValue) -> JSONValue {
    guard let text = value.textValue, text.contains(",") else { return value }
    let parts = text.split(separator: ",", omittingEmptySubsequences: false)
    return .list(parts.map { PlainScalar.resolve($0.split(separator: " ").joined(separator: " ")) })
  }

  /// The elements of a list with their names, such as `chunk_sizes[2]`.
  private func elements(_ key: String, _ list: JSONValue) -> [(String, JSONValue)] {
    guard let values = list.listValue else { return [(key, list)] }
    return values.enumerated().map { ("\(key)[\($0.offset)]", $0.element) }
  }
}
