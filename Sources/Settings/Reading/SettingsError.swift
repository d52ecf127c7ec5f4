/// A setting that cannot be used: which, what was found, what is allowed, and in which file.
package struct SettingsError: Error, Hashable, CustomStringConvertible {
  package enum Kind: Hashable, Sendable {
    /// The file cannot be opened or read.
    case missingFile
    /// The text is not YAML or JSON, or not a mapping.
    case unreadable
    case unknownKey
    case missingKey
    case wrongType
    case outOfRange
    /// Values that are each allowed but not together, or that another module refuses.
    case invalid
    /// An override that is not `section.key=value`.
    case malformedOverride
  }

  package let kind: Kind
  /// Full path of the key, such as `train.batch_size`; empty where no key is at fault.
  package let key: String
  package let found: String
  package let allowed: String
  /// The file, where known.
  package var source: String?
  package var line: Int?

  init(_ kind: Kind, key: String, found: String, allowed: String, source: String? = nil, line: Int? = nil) {
    self.kind = kind
    self.key = key
    self.found = found
    self.allowed = allowed
    self.source = source
    self.line = line
  }

  /// A value that breaks a rule of the module that reads it.
  ///
  /// - Parameters:
  ///   - key: the full path, such as `model.hidden_size`.
  ///   - found: the value or values, in words.
  ///   - allowed: the rule, in words.
  package static func invalid(key: String, found: String, allowed: String) -> SettingsError {
    SettingsError(.invalid, key: key, found: found, allowed: allowed)
  }

  static func missingFile(_ path: String, problem: String) -> SettingsError {
    SettingsError(.missingFile, key: "", found: problem, allowed: "a readable file", source: path)
  }

  static func unreadable(source: String, line: Int?, problem: String) -> SettingsError {
    SettingsError(.unreadable, key: "", found: problem, allowed: "YAML or JSON", source: source, line: line)
  }

  /// One line, whatever was found.
  package var description: String {
    let place = source.map { $0 + (line.map { ":\($0)" } ?? "") + ": " } ?? ""
    let text = place + (key.isEmpty ? "" : key + ": ") + problem
    return text.split(whereSeparator: \.isNewline).joined(separator: " ")
  }

  private var problem: String {
    switch kind {
    case .missingFile, .unreadable: "cannot be read: \(found)"
    case .unknownKey: "unknown key; \(allowed)"
    case .missingKey: "missing; required: \(allowed)"
    case .wrongType, .outOfRange, .invalid, .malformedOverride: "found \(found); allowed: \(allowed)"
    }
  }
}

/// Text between double quotes, in the escapes that JSON and YAML share.
enum Quotation {
  static func of(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case "\n": result += "\\n"
      case "\r": result += "\\r"
      case "\t": result += "\\t"
      case _ where needsEscape(scalar): result += "\\u" + fourDigits(scalar.value)
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }

  /// Control characters, and what YAML takes for a line break, a byte order mark or no character.
  private static func needsEscape(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0..<0x20, 0x7F..<0xA0, 0x2028, 0x2029, 0xFEFF, 0xFFFE, 0xFFFF: true
    default: false
    }
  }

  private static func fourDigits(_ value: UInt32) -> String {
    let digits = String(value, radix: 16)
    return String(repeating: "0", count: 4 - digits.count) + digits
  }
}
