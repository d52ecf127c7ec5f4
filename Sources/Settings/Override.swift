internal import JSON

/// One `section.key=value` of the command line.
struct Override: Hashable, Sendable {
  let text: String
  private let path: [String]
  private let value: JSONValue

  init(_ text: String) throws(JSONError) {
    self.text = text
    guard let equals = text.firstIndex(of: "=") else { throw Self.malformed(text, "section.key=value") }
    self.path = text[..<equals].split(separator: ".", omittingEmptySubsequences: false).map(String.init)
    guard path.allSatisfy({ !$0.isEmpty && !$0.contains(where: \.isWhitespace) }) else {
      throw Self.malformed(text, "section.key=value")
    }
    let value: JSONValue
    do {
      value = try JSONValue(yaml: String(text[equals...].dropFirst()), source: text)
    } catch {
      throw Self.malformed(text, "a value that is YAML (\(error.found))")
    }
    guard value.isScalar || value.listValue?.allSatisfy({ $0.isScalar || $0.entries != nil }) == true else {
      throw Self.malformed(text, "a scalar, a list of scalars such as [4, 8], or a list of mappings")
    }
    self.value = value
  }

  /// `root` with this value in it; mappings on the way are made where they are absent.
  func applied(to root: JSONValue) throws(JSONError) -> JSONValue {
    try replacing(path[...], in: root)
  }

  /// Whether it set `key`, a full path such as `train.chunk_sizes[2]`, or the mapping that holds it.
  func sets(_ key: String) -> Bool {
    let own = path.joined(separator: ".")
    return key == own || key.hasPrefix(own + ".") || key.hasPrefix(own + "[")
  }

  private func replacing(_ path: ArraySlice<String>, in setting: JSONValue) throws(JSONError) -> JSONValue {
    guard let key = path.first else { return value }
    guard setting == .null || setting.entries != nil else {
      throw Self.malformed(text, "a path through mappings; above \(Quotation.of(key)) stands \(setting.brief)")
    }
    var entries = setting.entries ?? []
    if let index = entries.firstIndex(where: { $0.key == key }) {
      entries[index].value = try replacing(path.dropFirst(), in: entries[index].value)
    } else {
      entries.append(.init(key: key, value: try replacing(path.dropFirst(), in: .null)))
    }
    return .mapping(entries)
  }

  private static func malformed(_ text: String, _ allowed: String) -> JSONError {
    JSONError(.malformedOverride, key: "", found: Quotation.of(text), allowed: allowed, source: "--set")
  }
}
