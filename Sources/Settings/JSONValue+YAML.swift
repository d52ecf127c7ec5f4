package import JSON
internal import Yams

extension JSONValue {
  /// The value that a YAML text describes; null if it is empty.
  ///
  /// - Parameters:
  ///   - yaml: one document. Aliases are followed; merge keys (`<<`) and tags are not known.
  ///   - source: the name of the text, for messages.
  /// - Throws: ``JSONError`` naming the line, for text that is not YAML and for a key that occurs twice.
  package init(yaml: String, source: String) throws(JSONError) {
    var reader = YAMLReader(source: source)
    do {
      // The encoding is said here because its default depends on the environment and prints.
      let parser = try Parser(yaml: yaml, resolver: .basic, encoding: .utf8)
      guard let root = try parser.singleRoot() else {
        self = .null
        return
      }
      self = try reader.value(root)
    } catch let error as JSONError {
      throw error
    } catch let error as YamlError {
      throw reader.error(error)
    } catch {
      throw JSONError.unreadable(source: source, line: nil, problem: "\(error)")
    }
  }
}

/// Turns the nodes of one YAML document into values.
private struct YAMLReader {
  let source: String
  private var nodeCount = 0

  init(source: String) {
    self.source = source
  }

  mutating func value(_ node: Node) throws(JSONError) -> JSONValue {
    nodeCount += 1
    // A few lines of aliases can stand for more nodes than memory holds.
    guard nodeCount <= 100_000 else { throw error("more than 100000 values", node.mark) }
    switch node {
    case .scalar(let scalar):
      return try value(scalar)
    case .sequence(let sequence):
      var elements: [JSONValue] = []
      for element in sequence { elements.append(try value(element)) }
      return .list(elements)
    case .mapping(let mapping):
      return try value(mapping)
    case .alias(let alias):
      throw error("an alias that was not followed", alias.mark)
    }
  }

  private mutating func value(_ mapping: Node.Mapping) throws(JSONError) -> JSONValue {
    var entries: [JSONValue.Entry] = []
    var seen: Set<String> = []
    for (key, node) in mapping {
      guard let name = key.scalar?.string else { throw error("a key that is not a scalar", key.mark) }
      guard seen.insert(name).inserted else { throw error("key \(Quotation.of(name)) occurs twice", key.mark) }
      entries.append(.init(key: name, value: try value(node)))
    }
    return .mapping(entries)
  }

  private func value(_ scalar: Node.Scalar) throws(JSONError) -> JSONValue {
    switch scalar.tag.rawValue {
    case "": return scalar.style == .plain ? PlainScalar.resolve(scalar.string) : .text(scalar.string)
    case "!", Tag.Name.str.rawValue: return .text(scalar.string)
    case let tag: throw error("tag \(Quotation.of(tag)); values take none", scalar.mark)
    }
  }

  private func error(_ problem: String, _ mark: Mark?) -> JSONError {
    .unreadable(source: source, line: mark?.line, problem: problem)
  }

  func error(_ error: YamlError) -> JSONError {
    switch error {
    case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
      .composer(_, let problem, let mark, _):
      return self.error(problem, mark)
    case .duplicatedKeysInMapping(let keys, let context):
      let names = keys.sorted().map(Quotation.of).joined(separator: ", ")
      return self.error("key \(names) occurs twice", context.mark)
    case .reader(let problem, let offset, _, let yaml):
      let line = offset.map { 1 + yaml.prefix($0).count { $0.isNewline } }
      return .unreadable(source: source, line: line, problem: problem)
    default:
      return .unreadable(source: source, line: nil, problem: "\(error)")
    }
  }
}

extension JSONValue {
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
