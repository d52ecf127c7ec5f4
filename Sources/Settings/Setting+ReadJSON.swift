extension Setting {
  /// The value that a JSON text describes, keys in their order.
  ///
  /// - Parameters:
  ///   - json: one value, by the letter of RFC 8259. Integers that `Int` cannot hold become numbers.
  ///   - source: the name of the text, for messages.
  /// - Throws: ``SettingsError`` naming the line, also for a key that occurs twice and for more than 200 levels.
  package init(json: String, source: String = "JSON") throws(SettingsError) {
    var reader = JSONReader(bytes: Array(json.utf8), source: source)
    self = try reader.document()
  }
}

/// Reads one JSON text from its first byte to its last.
private struct JSONReader {
  let bytes: [UInt8]
  let source: String
  private var position = 0

  init(bytes: [UInt8], source: String) {
    self.bytes = bytes
    self.source = source
  }

  mutating func document() throws(SettingsError) -> Setting {
    let value = try value(depth: 0)
    skipSpace()
    guard position == bytes.count else { throw error("more after the value") }
    return value
  }

  private mutating func value(depth: Int) throws(SettingsError) -> Setting {
    guard depth <= 200 else { throw error("more than 200 levels") }
    skipSpace()
    switch peek {
    case UInt8(ascii: "{"): return try mapping(depth: depth)
    case UInt8(ascii: "["): return try list(depth: depth)
    case UInt8(ascii: "\""): return .text(try text())
    case UInt8(ascii: "t"): return try word("true", .flag(true))
    case UInt8(ascii: "f"): return try word("false", .flag(false))
    case UInt8(ascii: "n"): return try word("null", .null)
    default: return try number()
    }
  }

  private mutating func mapping(depth: Int) throws(SettingsError) -> Setting {
    position += 1
    var entries: [Setting.Entry] = []
    var seen: Set<String> = []
    skipSpace()
    if take("}") { return .mapping(entries) }
    while true {
      skipSpace()
      guard peek == UInt8(ascii: "\"") else { throw error("a key was expected") }
      let key = try text()
      guard seen.insert(key).inserted else { throw error("key \(Quotation.of(key)) occurs twice") }
      skipSpace()
      guard take(":") else { throw error("':' was expected") }
      entries.append(.init(key: key, value: try value(depth: depth + 1)))
      skipSpace()
      if take("}") { return .mapping(entries) }
      guard take(",") else { throw error("',' or '}' was expected") }
    }
  }

  private mutating func list(depth: Int) throws(SettingsError) -> Setting {
    position += 1
    var elements: [Setting] = []
    skipSpace()
    if take("]") { return .list(elements) }
    while true {
      elements.append(try value(depth: depth + 1))
      skipSpace()
      if take("]") { return .list(elements) }
      guard take(",") else { throw error("',' or ']' was expected") }
    }
  }

  private mutating func word(_ word: String, _ value: Setting) throws(SettingsError) -> Setting {
    guard bytes[position...].starts(with: word.utf8) else { throw error("a value was expected") }
    position += word.utf8.count
    return value
  }

  private mutating func number() throws(SettingsError) -> Setting {
    let start = position
    var isWhole = true
    _ = take("-")
    if !take("0"), skipDigits() == 0 { throw error("a value was expected") }
    if take(".") {
      isWhole = false
      if skipDigits() == 0 { throw error("a digit was expected") }
    }
    if take("e") || take("E") {
      isWhole = false
      if !take("+") { _ = take("-") }
      if skipDigits() == 0 { throw error("a digit was expected") }
    }
    let text = String(decoding: bytes[start..<position], as: UTF8.self)
    if isWhole, let value = Int(text) { return .integer(value) }
    guard let value = Double(text), value.isFinite else { throw error("number \(text.prefix(40)) is out of range") }
    return .number(value)
  }

  private mutating func text() throws(SettingsError) -> String {
    position += 1
    var content: [UInt8] = []
    while let byte = peek {
      position += 1
      switch byte {
      case UInt8(ascii: "\""): return String(decoding: content, as: UTF8.self)
      case UInt8(ascii: "\\"): content += String(try escape()).utf8
      case 0..<0x20: throw error("a control character in text")
      default: content.append(byte)
      }
    }
    throw error("text without an end")
  }

  private mutating func escape() throws(SettingsError) -> Unicode.Scalar {
    guard let byte = peek else { throw error("text without an end") }
    position += 1
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Unicode.Scalar(byte)
    case UInt8(ascii: "b"): return "\u{8}"
    case UInt8(ascii: "f"): return "\u{C}"
    case UInt8(ascii: "n"): return "\n"
    case UInt8(ascii: "r"): return "\r"
    case UInt8(ascii: "t"): return "\t"
    case UInt8(ascii: "u"): return try unicodeEscape()
    default: throw error("an unknown escape in text")
    }
  }

  private mutating func unicodeEscape() throws(SettingsError) -> Unicode.Scalar {
    var value = try fourDigits()
    if (0xD800..<0xDC00).contains(value) {
      guard take("\\"), take("u") else { throw error("half of a surrogate pair") }
      let low = try fourDigits()
      guard (0xDC00..<0xE000).contains(low) else { throw error("half of a surrogate pair") }
      value = 0x10000 + (value - 0xD800) << 10 + (low - 0xDC00)
    }
    guard let scalar = Unicode.Scalar(value) else { throw error("half of a surrogate pair") }
    return scalar
  }

  private mutating func fourDigits() throws(SettingsError) -> UInt32 {
    var value: UInt32 = 0
    for _ in 0..<4 {
      guard let byte = peek, let digit = Character(Unicode.Scalar(byte)).hexDigitValue else {
        throw error("a hexadecimal digit was expected")
      }
      value = value << 4 | UInt32(digit)
      position += 1
    }
    return value
  }

  private var peek: UInt8? { position < bytes.count ? bytes[position] : nil }

  private mutating func take(_ character: Unicode.Scalar) -> Bool {
    guard peek == UInt8(ascii: character) else { return false }
    position += 1
    return true
  }

  private mutating func skipDigits() -> Int {
    let start = position
    while let byte = peek, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) { position += 1 }
    return position - start
  }

  private mutating func skipSpace() {
    while let byte = peek, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { position += 1 }
  }

  private func error(_ problem: String) -> SettingsError {
    let line = 1 + bytes[..<min(position, bytes.count)].count { $0 == 0x0A }
    return .unreadable(source: source, line: line, problem: problem)
  }
}
