/// A value as a run file or a JSON file holds it: a scalar, a list or a mapping that keeps its order.
package enum JSONValue: Hashable, Sendable {
  case null
  case flag(Bool)
  case integer(Int)
  case number(Double)
  case text(String)
  case list([JSONValue])
  case mapping([Entry])

  /// One key of a mapping with its value.
  package struct Entry: Hashable, Sendable {
    package let key: String
    package var value: JSONValue

    package init(key: String, value: JSONValue) {
      self.key = key
      self.value = value
    }
  }

  /// The value under `key`; nil if this is no mapping or has no such key.
  package subscript(key: String) -> JSONValue? {
    entries?.first { $0.key == key }?.value
  }

  /// The entries of a mapping, in order.
  package var entries: [Entry]? {
    if case .mapping(let entries) = self { entries } else { nil }
  }

  package var listValue: [JSONValue]? {
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
  package var isScalar: Bool {
    switch self {
    case .null, .flag, .integer, .number, .text: true
    case .list, .mapping: false
    }
  }

  /// The value as people write it: a text without quotes, all else as JSON.
  package var plain: String { textValue ?? json() }

  /// The value as JSON, cut to a length that fits a message.
  package var excerpt: String {
    let text = json()
    return text.count <= 80 ? text : text.prefix(80) + "…"
  }

  /// The value in few words, for a message of one line.
  package var brief: String {
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

extension JSONValue: ExpressibleByNilLiteral {
  package init(nilLiteral: ()) { self = .null }
}

extension JSONValue: ExpressibleByBooleanLiteral {
  package init(booleanLiteral value: Bool) { self = .flag(value) }
}

extension JSONValue: ExpressibleByIntegerLiteral {
  package init(integerLiteral value: Int) { self = .integer(value) }
}

extension JSONValue: ExpressibleByFloatLiteral {
  package init(floatLiteral value: Double) { self = .number(value) }
}

extension JSONValue: ExpressibleByStringLiteral {
  package init(stringLiteral value: String) { self = .text(value) }
}

extension JSONValue: ExpressibleByArrayLiteral {
  package init(arrayLiteral elements: JSONValue...) { self = .list(elements) }
}

extension JSONValue: ExpressibleByDictionaryLiteral {
  package init(dictionaryLiteral elements: (String, JSONValue)...) {
    self = .mapping(elements.map { Entry(key: $0.0, value: $0.1) })
  }
}

/// A key under which two values differ; null stands for one that is not there.
package struct JSONDifference: Hashable, Sendable {
  /// Full path, such as `train.steps`.
  package let key: String
  package let first: JSONValue
  package let second: JSONValue
}

extension JSONValue {
  /// The value under a path such as `train.seed`; null where there is none.
  package func value(at path: String) -> JSONValue {
    path.split(separator: ".").reduce(self) { $0[String($1)] ?? .null }
  }

  /// All keys under which this value and `other` differ, depth first. `2` and `2.0` do not.
  ///
  /// - Parameter path: full path of both, for the keys.
  package func differences(from other: JSONValue, at path: String = "") -> [JSONDifference] {
    if case .mapping(let left) = self, case .mapping(let right) = other {
      let keys = left.map(\.key) + right.map(\.key).filter { self[$0] == nil }
      return keys.flatMap { key in
        let place = path.isEmpty ? key : "\(path).\(key)"
        return (self[key] ?? .null).differences(from: other[key] ?? .null, at: place)
      }
    }
    if self == other || (numberValue != nil && numberValue == other.numberValue) { return [] }
    if case (.list(let left), .list(let right)) = (self, other), left.count == right.count,
      zip(left, right).allSatisfy({ $0.differences(from: $1).isEmpty })
    {
      return []
    }
    return [JSONDifference(key: path, first: self, second: other)]
  }
}
