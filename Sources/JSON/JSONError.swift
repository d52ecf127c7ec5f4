/// A text or value that cannot be used: which, what was found, what is allowed, and in which file.
///
/// Run files are YAML that stands for a JSON value; their errors are these as well.
package struct JSONError: Error, Hashable, CustomStringConvertible {
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

  package init(_ kind: Kind, key: String, found: String, allowed: String, source: String? = nil, line: Int? = nil) {
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
  package static func invalid(key: String, found: String, allowed: String) -> JSONError {
    JSONError(.invalid, key: key, found: found, allowed: allowed)
  }

  package static func missingFile(_ path: String, problem: String) -> JSONError {
    JSONError(.missingFile, key: "", found: problem, allowed: "a readable file", source: path)
  }

  package static func unreadable(source: String, line: Int?, problem: String) -> JSONError {
    JSONError(.unreadable, key: "", found: problem, allowed: "YAML or JSON", source: source, line: line)
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

extension JSONError {
  /// - Parameters:
  ///   - path: the mapping that holds the key; empty for the whole file.
  ///   - known: names of the keys that it may hold.
  ///   - elsewhere: full paths under which a key of that name is known.
  package static func unknownKey(_ name: String, path: String, known: [String], elsewhere: [String] = []) -> JSONError {
    func full(_ name: String) -> String { path.isEmpty ? name : "\(path).\(name)" }
    let guess = elsewhere.first ?? Spelling.nearest(to: name, among: known).map(full)
    let list = known.isEmpty ? "no key is allowed here" : "allowed here: " + known.sorted().joined(separator: ", ")
    return JSONError(
      .unknownKey, key: full(name), found: Quotation.of(name),
      allowed: (guess.map { "did you mean \($0)? " } ?? "") + list)
  }
}

/// Text between double quotes, in the escapes that JSON and YAML share.
package enum Quotation {
  package static func of(_ text: String) -> String {
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
