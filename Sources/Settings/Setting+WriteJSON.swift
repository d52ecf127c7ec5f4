extension Setting {
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
