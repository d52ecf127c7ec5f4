/// Walks over a JSON text value by value, by the letter of RFC 8259, without making a tree of it.
///
/// For files that are large, and for texts whose bytes count: keys and texts come as bytes, since two different texts may
/// be the same `String`. The caller says what it expects next; something else is an error that names the line.
package struct JSONScanner {
  /// The name of the text, for messages.
  package let source: String
  /// Half surrogate pairs (`\ud800` alone) that became U+FFFD so far.
  package private(set) var replacedSurrogateCount = 0
  /// Where the next value, or what follows it, begins.
  package private(set) var position: Int

  private let bytes: [UInt8]
  private let end: Int
  private let replacesSurrogates: Bool

  /// - Parameters:
  ///   - range: the part of `bytes` that holds the text; nil for all.
  ///   - source: the name of the text, for messages.
  ///   - replacesSurrogates: whether half of a surrogate pair becomes U+FFFD; else it is an error.
  package init(_ bytes: [UInt8], range: Range<Int>? = nil, source: String, replacesSurrogates: Bool = false) {
    self.bytes = bytes
    self.source = source
    self.replacesSurrogates = replacesSurrogates
    position = range?.lowerBound ?? 0
    end = range?.upperBound ?? bytes.count
  }

  /// The first byte of the next value; nil at the end of the text.
  package mutating func peekValue() -> UInt8? {
    skipSpace()
    return peek
  }

  /// Checks that nothing but space follows.
  package mutating func finish() throws(JSONError) {
    skipSpace()
    guard position == end else { throw error("more after the value") }
  }

  // MARK: Objects and lists

  /// Goes into an object.
  package mutating func beginObject() throws(JSONError) {
    skipSpace()
    guard take("{") else { throw error("an object was expected") }
  }

  /// Goes to the next entry of an object: its key, as bytes, replaces `key`, and its value is next.
  ///
  /// - Parameter isFirst: true at the object's first entry; false afterwards.
  /// - Returns: false at the object's end, which is behind then.
  package mutating func nextEntry(_ key: inout [UInt8], isFirst: inout Bool) throws(JSONError) -> Bool {
    skipSpace()
    if isFirst {
      isFirst = false
      if take("}") { return false }
    } else {
      if take("}") { return false }
      guard take(",") else { throw error("',' or '}' was expected") }
      skipSpace()
    }
    guard peek == UInt8(ascii: "\"") else { throw error("a key was expected") }
    try readText(&key)
    skipSpace()
    guard take(":") else { throw error("':' was expected") }
    return true
  }

  /// Goes into a list.
  package mutating func beginList() throws(JSONError) {
    skipSpace()
    guard take("[") else { throw error("a list was expected") }
  }

  /// Goes to the next element of a list.
  ///
  /// - Parameter isFirst: true at the list's first element; false afterwards.
  /// - Returns: false at the list's end, which is behind then.
  package mutating func nextElement(isFirst: inout Bool) throws(JSONError) -> Bool {
    skipSpace()
    if isFirst {
      isFirst = false
      return !take("]")
    }
    if take("]") { return false }
    guard take(",") else { throw error("',' or ']' was expected") }
    return true
  }

  /// Goes over a value of any kind, which is checked.
  ///
  /// - Returns: the bytes that it takes.
  @discardableResult
  package mutating func skipValue(depth: Int = 0) throws(JSONError) -> Range<Int> {
    guard depth <= Self.mostLevels else { throw error("more than \(Self.mostLevels) levels") }
    skipSpace()
    let start = position
    var isFirst = true
    var text: [UInt8] = []
    switch peek {
    case UInt8(ascii: "{"):
      try beginObject()
      while try nextEntry(&text, isFirst: &isFirst) { try skipValue(depth: depth + 1) }
    case UInt8(ascii: "["):
      try beginList()
      while try nextElement(isFirst: &isFirst) { try skipValue(depth: depth + 1) }
    case UInt8(ascii: "\""): try readText(&text)
    case UInt8(ascii: "t"): try readWord("true")
    case UInt8(ascii: "f"): try readWord("false")
    case UInt8(ascii: "n"): try readWord("null")
    default: _ = try readNumber()
    }
    return start..<position
  }

  static let mostLevels = 200

  // MARK: Scalars

  /// Reads a text; its bytes replace `content`.
  package mutating func readText(_ content: inout [UInt8]) throws(JSONError) {
    skipSpace()
    guard take("\"") else { throw error("a text was expected") }
    content.removeAll(keepingCapacity: true)
    while let byte = peek {
      position += 1
      switch byte {
      case UInt8(ascii: "\""): return
      case UInt8(ascii: "\\"): content += String(try escape()).utf8
      case 0..<0x20: throw error("a control character in text")
      default: content.append(byte)
      }
    }
    throw error("text without an end")
  }

  /// Reads a number: an integer where it is written as one that `Int` holds, else a finite number.
  package mutating func readNumber() throws(JSONError) -> JSONValue {
    skipSpace()
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

  mutating func readWord(_ word: String) throws(JSONError) {
    guard bytes[position..<end].starts(with: word.utf8) else { throw error("a value was expected") }
    position += word.utf8.count
  }

  private mutating func escape() throws(JSONError) -> Unicode.Scalar {
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

  private mutating func unicodeEscape() throws(JSONError) -> Unicode.Scalar {
    let value = try fourDigits()
    if (0xD800..<0xDC00).contains(value) {
      let afterHigh = position
      if take("\\"), take("u") {
        let low = try fourDigits()
        if (0xDC00..<0xE000).contains(low),
          let scalar = Unicode.Scalar(0x10000 + (value - 0xD800) << 10 + (low - 0xDC00))
        {
          return scalar
        }
      }
      position = afterHigh
    }
    if let scalar = Unicode.Scalar(value) { return scalar }
    guard replacesSurrogates else { throw error("half of a surrogate pair") }
    replacedSurrogateCount += 1
    return "\u{FFFD}"
  }

  private mutating func fourDigits() throws(JSONError) -> UInt32 {
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

  // MARK: Bytes

  private var peek: UInt8? { position < end ? bytes[position] : nil }

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

  /// A problem at the place that was read last.
  package func error(_ problem: String) -> JSONError {
    let line = 1 + bytes[..<min(position, bytes.count)].count { $0 == 0x0A }
    return .unreadable(source: source, line: line, problem: problem)
  }
}
