internal import Yams

extension Setting {
  /// The value that a YAML text describes; null if it is empty.
  ///
  /// - Parameters:
  ///   - yaml: one document. Aliases are followed; merge keys (`<<`) and tags are not known.
  ///   - source: the name of the text, for messages.
  /// - Throws: ``SettingsError`` naming the line, for text that is not YAML and for a key that occurs twice.
  package init(yaml: String, source: String) throws(SettingsError) {
    var reader = YAMLReader(source: source)
    do {
      // The encoding is said here because its default depends on the environment and prints.
      let parser = try Parser(yaml: yaml, resolver: .basic, encoding: .utf8)
      guard let root = try parser.singleRoot() else {
        self = .null
        return
      }
      self = try reader.setting(root)
    } catch let error as SettingsError {
      throw error
    } catch let error as YamlError {
      throw reader.error(error)
    } catch {
      throw .unreadable(source: source, line: nil, problem: "\(error)")
    }
  }
}

/// Turns the nodes of one YAML document into settings.
private struct YAMLReader {
  let source: String
  private var nodeCount = 0

  init(source: String) {
    self.source = source
  }

  mutating func setting(_ node: Node) throws(SettingsError) -> Setting {
    nodeCount += 1
    // A few lines of aliases can stand for more nodes than memory holds.
    guard nodeCount <= 100_000 else { throw error("more than 100000 values", node.mark) }
    switch node {
    case .scalar(let scalar):
      return try setting(scalar)
    case .sequence(let sequence):
      var elements: [Setting] = []
      for element in sequence { elements.append(try setting(element)) }
      return .list(elements)
    case .mapping(let mapping):
      return try setting(mapping)
    case .alias(let alias):
      throw error("an alias that was not followed", alias.mark)
    }
  }

  private mutating func setting(_ mapping: Node.Mapping) throws(SettingsError) -> Setting {
    var entries: [Setting.Entry] = []
    var seen: Set<String> = []
    for (key, value) in mapping {
      guard let name = key.scalar?.string else { throw error("a key that is not a scalar", key.mark) }
      guard seen.insert(name).inserted else { throw error("key \(Quotation.of(name)) occurs twice", key.mark) }
      entries.append(.init(key: name, value: try setting(value)))
    }
    return .mapping(entries)
  }

  private func setting(_ scalar: Node.Scalar) throws(SettingsError) -> Setting {
    switch scalar.tag.rawValue {
    case "": return scalar.style == .plain ? PlainScalar.resolve(scalar.string) : .text(scalar.string)
    case "!", Tag.Name.str.rawValue: return .text(scalar.string)
    case let tag: throw error("tag \(Quotation.of(tag)); values take none", scalar.mark)
    }
  }

  private func error(_ problem: String, _ mark: Mark?) -> SettingsError {
    .unreadable(source: source, line: mark?.line, problem: problem)
  }

  func error(_ error: YamlError) -> SettingsError {
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
