/// A value as a run file or a JSON file holds it: a scalar, a list or a mapping that keeps its order.
package enum Setting: Hashable, Sendable {
  case null
  case flag(Bool)
  case integer(Int)
  case number(Double)
  case text(String)
  case list([Setting])
  case mapping([Entry])

  /// One key of a mapping with its value.
  package struct Entry: Hashable, Sendable {
    package let key: String
    package var value: Setting

    package init(key: String, value: Setting) {
      self.key = key
      self.value = value
    }
  }

  /// The value under `key`; nil if this is no mapping or has no such key.
  package subscript(key: String) -> Setting? {
    entries?.first { $0.key == key }?.value
  }

  /// The entries of a mapping, in order.
  package var entries: [Entry]? {
    if case .mapping(let entries) = self { entries } else { nil }
  }

  package var listValue: [Setting]? {
    if case .list(let elements) = self { elements } else { nil }
  }

  package var textValue: String? {
    if case .text(let text) = self { text } else { nil }
  }

  package var flagValue: Bool? {
    if case .flag(let flag) = self { flag } else { nil }
  }

  /// The value as an integer; a number counts if it is a whole one, such as `1e6`.
  package var integerValue: Int? {
    switch self {
    case .integer(let value): value
    case .number(let value): Int(exactly: value)
    default: nil
    }
  }

  /// The value as a number; every integer counts.
  package var numberValue: Double? {
    switch self {
    case .integer(let value): Double(value)
    case .number(let value): value
    default: nil
    }
  }

  /// Whether the value stands alone, neither a list nor a mapping.
  var isScalar: Bool {
    switch self {
    case .null, .flag, .integer, .number, .text: true
    case .list, .mapping: false
    }
  }

  /// The value as people write it: a text without quotes, all else as JSON.
  package var plain: String { textValue ?? json() }

  /// The value in few words, for a message of one line.
  var brief: String {
    switch self {
    case .null: "null"
    case .flag(let value): "\(value)"
    case .integer(let value): "\(value)"
    case .number(let value): "\(value)"
    case .text(let value): "text " + Quotation.of(String(value.prefix(60))) + (value.count > 60 ? "…" : "")
    case .list(let elements): "a list of \(elements.count)"
    case .mapping(let entries): "a mapping of \(entries.count) keys"
    }
  }
}
