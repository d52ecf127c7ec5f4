extension Setting {
  /// The value that a JSON text describes, keys in their order.
  ///
  /// - Parameters:
  ///   - json: one value, by the letter of RFC 8259. Integers that `Int` cannot hold become numbers.
  ///   - source: the name of the text, for messages.
  /// - Throws: ``SettingsError`` naming the line, also for a key that occurs twice and for more than 200 levels.
  package init(json: String, source: String = "JSON") throws(SettingsError) {
    var scanner = JSONScanner(Array(json.utf8), source: source)
    self = try scanner.readValue()
    try scanner.finish()
  }
}

extension JSONScanner {
  /// Reads a value of any kind, keys in their order.
  ///
  /// - Throws: ``SettingsError`` naming the line, also for a key that occurs twice and for more than 200 levels.
  package mutating func readValue() throws(SettingsError) -> Setting {
    try readValue(depth: 0)
  }

  private mutating func readValue(depth: Int) throws(SettingsError) -> Setting {
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

  private mutating func read(_ word: String, _ value: Setting) throws(SettingsError) -> Setting {
    try readWord(word)
    return value
  }

  private mutating func readMapping(depth: Int) throws(SettingsError) -> Setting {
    var entries: [Setting.Entry] = []
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

  private mutating func readList(depth: Int) throws(SettingsError) -> Setting {
    var elements: [Setting] = []
    var isFirst = true
    try beginList()
    while try nextElement(isFirst: &isFirst) { elements.append(try readValue(depth: depth + 1)) }
    return .list(elements)
  }

  /// Reads a text as a `String`.
  package mutating func readString() throws(SettingsError) -> String {
    var content: [UInt8] = []
    try readText(&content)
    return String(decoding: content, as: UTF8.self)
  }
}
