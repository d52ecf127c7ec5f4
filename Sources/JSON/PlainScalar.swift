/// What an unquoted scalar of a YAML file means.
///
/// This is the core schema of YAML 1.2 with two differences: digits may be grouped by underscores, and a decimal integer
/// with leading zeros is text, for versions of YAML disagree on it. `yes`, `no`, `on` and `off` are text.
package enum PlainScalar {
  package static func resolve(_ text: String) -> JSONValue {
    switch text {
    case "", "~", "null", "Null", "NULL": return .null
    case "true", "True", "TRUE": return .flag(true)
    case "false", "False", "FALSE": return .flag(false)
    case ".nan", ".NaN", ".NAN": return .number(.nan)
    case ".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF": return .number(.infinity)
    case "-.inf", "-.Inf", "-.INF": return .number(-.infinity)
    default: return integer(text) ?? number(text) ?? .text(text)
    }
  }

  /// Whether readers of older versions of YAML take the text for something else.
  package static func isAmbiguous(_ text: String) -> Bool {
    ["y", "n", "yes", "no", "on", "off"].contains(text.lowercased())
  }

  private static func integer(_ text: String) -> JSONValue? {
    if text.hasPrefix("0x") || text.hasPrefix("0o") {
      let digits = text.dropFirst(2)
      guard digits.allSatisfy(\.isHexDigit) else { return nil }
      return Int(digits, radix: text.hasPrefix("0x") ? 16 : 8).map(JSONValue.integer)
    }
    var digits = Substring(text)
    if let sign = digits.first, sign == "-" || sign == "+" { digits = digits.dropFirst() }
    guard isDigits(digits), digits == "0" || !digits.hasPrefix("0") else { return nil }
    return Int(text.filter { $0 != "_" }).map(JSONValue.integer)
  }

  private static func number(_ text: String) -> JSONValue? {
    var rest = Substring(text)
    if let sign = rest.first, sign == "-" || sign == "+" { rest = rest.dropFirst() }
    if let mark = rest.firstIndex(where: { $0 == "e" || $0 == "E" }) {
      var exponent = rest[mark...].dropFirst()
      if let sign = exponent.first, sign == "-" || sign == "+" { exponent = exponent.dropFirst() }
      guard isDigits(exponent) else { return nil }
      rest = rest[..<mark]
    } else if !rest.contains("."), rest.hasPrefix("0") {
      return nil
    }
    let parts = rest.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
    guard parts.contains(where: { !$0.isEmpty }), parts.allSatisfy({ $0.isEmpty || isDigits($0) }) else { return nil }
    return normalised(text)
  }

  /// The number of a text that has the form of one, in the form that Swift reads.
  private static func normalised(_ text: String) -> JSONValue? {
    let digits = text.filter { $0 != "_" }
    return Double(digits).flatMap { $0.isFinite ? .number($0) : nil }
  }

  /// Whether these are decimal digits, perhaps grouped by underscores.
  private static func isDigits(_ text: Substring) -> Bool {
    guard let first = text.utf8.first, let last = text.utf8.last, first != UInt8(ascii: "_"), last != UInt8(ascii: "_")
    else { return false }
    return text.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) || $0 == UInt8(ascii: "_") }
  }
}
