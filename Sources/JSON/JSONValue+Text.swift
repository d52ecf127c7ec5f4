extension JSONValue {
  /// The value that a JSON text describes, keys in their order.
  ///
  /// - Parameters:
  ///   - json: one value, by the letter of RFC 8259. Integers that `Int` cannot hold become numbers.
  ///   - source: the name of the text, for messages.
  /// - Throws: ``JSONError`` naming the line, also for a key that occurs twice and for more than 200 levels.
  package init(json: String, source: String = "JSON") throws(JSONError) {
    try self.init(utf8: Array(json.utf8), source: source)
  }

  /// The value that the bytes of a file describe; as ``init(json:source:)``, and bytes that are not UTF-8 are refused.
  package init(json bytes: some Collection<UInt8>, source: String) throws(JSONError) {
    guard String(validating: bytes, as: UTF8.self) != nil else {
      throw .unreadable(source: source, line: nil, problem: "bytes that are not UTF-8")
    }
    try self.init(utf8: Array(bytes), source: source)
  }

  private init(utf8 bytes: [UInt8], source: String) throws(JSONError) {
    var scanner = JSONScanner(bytes, source: source)
    self = try scanner.readValue()
    try scanner.finish()
  }
}

extension JSONScanner {
  /// Reads a value of any kind, keys in their order.
  ///
  /// - Throws: ``JSONError`` naming the line, also for a key that occurs twice and for more than 200 levels.
  package mutating func readValue() throws(JSONError) -> JSONValue {
    try readValue(depth: 0)
  }

  private mutating func readValue(depth: Int) throws(JSONError) -> JSONValue {
    guard depth <= Self.mostLevels else { throw error("more than \(Self.mostLevels) levels") }
    switch peekValue() {
    case UInt8(ascii: "{"): return try readMapping(depth: depth)
    case UInt8(ascii: "["): return try readList(depth: depth)
    case UInt8(ascii: "\""): return .text(try readString())
    case UInt8(ascii: "t"): return try read("true", .flag(true))
    case UInt8(ascii: "f"): return try read("false", .flag(false))
    case UInt8(ascii: "n"): return try read("null", .null)
    default: return try readNumber()
    }
  }

  private mutating func read(_ word: String, _ value: JSONValue) throws(JSONError) -> JSONValue {
    try readWord(word)
    return value
  }

  private mutating func readMapping(depth: Int) throws(JSONError) -> JSONValue {
    var entries: [JSONValue.Entry] = []
    var seen: Set<String> = []
    var bytes: [UInt8] = []
    var isFirst = true
    try beginObject()
    while try nextEntry(&bytes, isFirst: &isFirst) {
      let key = String(decoding: bytes, as: UTF8.self)
      guard seen.insert(key).inserted else { throw error("key \(Quotation.of(key)) occurs twice") }
      entries.append(.init(key: key, value: try readValue(depth: depth + 1)))
    }
    return .mapping(entries)
  }

  private mutating func readList(depth: Int) throws(JSONError) -> JSONValue {
    var elements: [JSONValue] = []
    var isFirst = true
    try beginList()
    while try nextElement(isFirst: &isFirst) { elements.append(try readValue(depth: depth + 1)) }
    return .list(elements)
  }

  /// Reads a text as a `String`.
  package mutating func readString() throws(JSONError) -> String {
    var content: [UInt8] = []
    try readText(&content)
    return String(decoding: content, as: UTF8.self)
  }
}

extension JSONValue {
  /// The value as JSON, keys in their order. Numbers have their shortest form that reads back the same; those that JSON
  /// does not know (infinities, not a number) become null.
  ///
  /// - Parameter pretty: spread over lines, two spaces a level, lists of scalars on one line; without a newline at the end.
  package func json(pretty: Bool = false) -> String {
    json(indent: pretty ? "\n" : nil)
  }

  /// - Parameter indent: a newline and the spaces of this level; nil for one line.
  private func json(indent: String?) -> String {
    switch self {
    case .null: return "null"
    case .flag(let value): return "\(value)"
    case .integer(let value): return "\(value)"
    case .number(let value): return value.isFinite ? "\(value)" : "null"
    case .text(let value): return Quotation.of(value)
    case .list(let elements):
      let indent = elements.allSatisfy(\.isScalar) ? nil : indent
      return Self.joined(
        elements.map { $0.json(indent: indent.map { $0 + "  " }) }, between: ("[", "]"), indent: indent)
    case .mapping(let entries):
      let parts = entries.map { Quotation.of($0.key) + ": " + $0.value.json(indent: indent.map { $0 + "  " }) }
      return Self.joined(parts, between: ("{", "}"), indent: indent)
    }
  }

  private static func joined(_ parts: [String], between ends: (String, String), indent: String?) -> String {
    guard let indent, !parts.isEmpty else { return ends.0 + parts.joined(separator: ", ") + ends.1 }
    return ends.0 + indent + "  " + parts.joined(separator: ",\(indent)  ") + indent + ends.1
  }
}
