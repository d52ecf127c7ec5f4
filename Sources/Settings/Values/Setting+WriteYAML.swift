extension Setting {
  /// The value as a YAML document in block style, with a newline at its end. Reading it gives an equal value.
  ///
  /// Lists of scalars stand on one line; text is quoted where it could be taken for something else; numbers have their
  /// shortest form that reads back the same, with a point, for some readers want one.
  package func yaml() -> String {
    yamlLines().map { $0 + "\n" }.joined()
  }

  private func yamlLines() -> [String] {
    if let inline = inlineYAML { return [inline] }
    switch self {
    case .mapping(let entries):
      return entries.flatMap { entry in
        let key = Self.yamlText(entry.key)
        if let inline = entry.value.inlineYAML { return ["\(key): \(inline)"] }
        return ["\(key):"] + entry.value.yamlLines().map { "  " + $0 }
      }
    case .list(let elements):
      return elements.flatMap { element in
        element.yamlLines().enumerated().map { ($0.offset == 0 ? "- " : "  ") + $0.element }
      }
    case .null, .flag, .integer, .number, .text:
      return []  // these are inline
    }
  }

  /// The value in a form that fits behind its key; nil if it needs lines of its own.
  private var inlineYAML: String? {
    switch self {
    case .null: "null"
    case .flag(let value): "\(value)"
    case .integer(let value): "\(value)"
    case .number(let value): Self.yamlNumber(value)
    case .text(let value): Self.yamlText(value)
    case .list(let elements) where elements.allSatisfy(\.isScalar):
      "[" + elements.compactMap(\.inlineYAML).joined(separator: ", ") + "]"
    case .mapping(let entries) where entries.isEmpty: "{}"
    case .list, .mapping: nil
    }
  }

  private static func yamlNumber(_ value: Double) -> String {
    if value.isNaN { return ".nan" }
    if value.isInfinite { return value < 0 ? "-.inf" : ".inf" }
    let text = "\(value)"
    guard !text.contains("."), let mark = text.firstIndex(of: "e") else { return text }
    return text[..<mark] + ".0" + text[mark...]
  }

  private static func yamlText(_ text: String) -> String {
    isPlain(text) ? text : Quotation.of(text)
  }

  private static func isPlain(_ text: String) -> Bool {
    guard let first = text.unicodeScalars.first, first == "/" || first == "_" || isLetter(first) else { return false }
    let isSafe = text.unicodeScalars.allSatisfy { isLetter($0) || "0123456789_./+-".unicodeScalars.contains($0) }
    return isSafe && PlainScalar.resolve(text) == .text(text) && !PlainScalar.isAmbiguous(text)
  }

  private static func isLetter(_ scalar: Unicode.Scalar) -> Bool {
    ("a"..."z").contains(scalar) || ("A"..."Z").contains(scalar)
  }
}
