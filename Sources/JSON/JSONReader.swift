/// Reads one mapping key by key, checks every value, and remembers what it resolved: a section of a run file, the
/// `config.json` of a model, what a checkpoint says of itself.
///
/// A module reads the keys it owns in the order in which they should appear in the resolved configuration, then calls
/// ``finish()``, which refuses keys that nobody read.
package final class JSONReader {
  /// Full path of the mapping, such as `train`; empty for the whole file.
  package let path: String
  /// The file, where known.
  package let source: String?

  private var mapping: JSONValue
  private var known: Set<String> = []
  private var records: [(key: String, value: Record)] = []

  private enum Record {
    case value(JSONValue)
    case section(JSONReader)
    case sections([JSONReader])
  }

  /// - Parameters:
  ///   - mapping: null counts as empty; anything else that is no mapping makes every read throw.
  ///   - path: full path of the mapping, for messages.
  ///   - source: the file it comes from, for messages.
  package init(_ mapping: JSONValue, path: String, source: String? = nil) {
    self.mapping = mapping
    self.path = path
    self.source = source
  }

  /// What was read so far, in the order of reading, defaults filled in.
  package var resolved: JSONValue {
    .mapping(
      records.map { record in
        switch record.value {
        case .value(let value): .init(key: record.key, value: value)
        case .section(let reader): .init(key: record.key, value: reader.resolved)
        case .sections(let readers): .init(key: record.key, value: .list(readers.map(\.resolved)))
        }
      })
  }

  /// Whether the mapping holds `key` with a value other than null. Does not count as reading it.
  package func has(_ key: String) -> Bool {
    (mapping[key] ?? .null) != .null
  }

  /// Whether the mapping names `key`, be its value null. Does not count as reading it.
  package func names(_ key: String) -> Bool {
    mapping[key] != nil
  }

  /// The mapping's keys, in their order. Does not count as reading them.
  package func keys() throws(JSONError) -> [String] {
    try checkMapping()
    return (mapping.entries ?? []).map(\.key)
  }

  /// The value under `key` as it stands, null if it is that; the key must be there.
  package func value(_ key: String) throws(JSONError) -> JSONValue {
    recorded(key, try required(key, nil, "a value")) { $0 }
  }

  /// The elements under `key`, which must be a list.
  package func list(_ key: String) throws(JSONError) -> [JSONValue] {
    let value = try required(key, nil, "a list")
    guard let elements = value.listValue else { throw wrongType(key, value, allowed: "a list") }
    return recorded(key, elements, JSONValue.list)
  }

  /// Takes the value under a former name of `key`, if there is one, for that under `key`.
  ///
  /// - Throws: ``JSONError`` if both names are there.
  package func rename(_ former: String, to key: String) throws(JSONError) {
    guard mapping[former] != nil else { return }
    guard mapping[key] == nil else {
      throw invalid(former, found: "\(key) as well", allowed: "\(key) alone, which is its name now")
    }
    mapping = .mapping(
      (mapping.entries ?? []).map { $0.key == former ? .init(key: key, value: $0.value) : $0 })
  }

  /// Accepts these keys without any effect; they do not appear among the resolved ones.
  package func ignore(_ keys: [String]) {
    known.formUnion(keys)
  }

  /// A reader of the mapping under `key`. Asking again gives the same reader.
  ///
  /// - Parameter isRequired: whether the mapping must be there; else an absent or null one is empty.
  package func section(_ key: String, isRequired: Bool = false) throws(JSONError) -> JSONReader {
    for case (key, .section(let reader)) in records { return reader }
    let value = try isRequired ? required(key, nil, "a mapping") : lookUp(key) ?? .null
    guard !isRequired && value == .null || value.entries != nil else {
      throw wrongType(key, value, allowed: "a mapping")
    }
    let reader = JSONReader(value, path: fullPath(key), source: source)
    records.append((key, .section(reader)))
    return reader
  }

  /// A reader of each mapping in the list under `key`, which must be there.
  ///
  /// - Parameter textKey: a text in the list stands for a mapping with the text under this key alone.
  package func sections(_ key: String, textKey: String) throws(JSONError) -> [JSONReader] {
    let rule = "a list, each a text or a mapping"
    let list = try required(key, nil, rule)
    guard let elements = list.listValue else { throw wrongType(key, list, allowed: rule) }
    var readers: [JSONReader] = []
    for (index, element) in elements.enumerated() {
      let mapping = element.textValue.map { JSONValue.mapping([.init(key: textKey, value: .text($0))]) } ?? element
      guard mapping.entries != nil else {
        throw wrongType("\(key)[\(index)]", element, allowed: "a text or a mapping")
      }
      readers.append(JSONReader(mapping, path: fullPath("\(key)[\(index)]"), source: source))
    }
    records.append((key, .sections(readers)))
    return readers
  }

  /// As ``sections(_:textKey:)``; nil, and recorded as null, if the key is absent or null.
  package func optionalSections(_ key: String, textKey: String) throws(JSONError) -> [JSONReader]? {
    try optional(key) == nil ? nil : try sections(key, textKey: textKey)
  }

  /// Checks that every key of the mapping, and of all sections read, is known.
  package func finish() throws(JSONError) {
    try checkMapping()
    for entry in mapping.entries ?? [] where !known.contains(entry.key) { throw unknownKey(entry.key) }
    for case (_, .section(let reader)) in records { try reader.finish() }
    for case (_, .sections(let readers)) in records {
      for reader in readers { try reader.finish() }
    }
  }

  /// A value under this reader that breaks a rule of the module that reads it.
  package func invalid(_ key: String, found: String, allowed: String) -> JSONError {
    error(.invalid, key, found: found, allowed: allowed)
  }

  // MARK: What the typed reads are made of

  /// The value under `key` as it stands, which thereby becomes a known key; nil if absent.
  func lookUp(_ key: String) throws(JSONError) -> JSONValue? {
    try checkMapping()
    known.insert(key)
    return mapping[key]
  }

  func record(_ key: String, _ value: JSONValue) {
    if let index = records.firstIndex(where: { $0.key == key }) {
      records[index].value = .value(value)
    } else {
      records.append((key, .value(value)))
    }
  }

  func error(_ kind: JSONError.Kind, _ key: String, found: String, allowed: String) -> JSONError {
    JSONError(kind, key: fullPath(key), found: found, allowed: allowed, source: source)
  }

  func wrongType(_ key: String, _ value: JSONValue, allowed: String) -> JSONError {
    error(.wrongType, key, found: value.brief, allowed: allowed)
  }

  private func fullPath(_ key: String) -> String {
    path.isEmpty || key.isEmpty ? path + key : path + "." + key
  }

  private func checkMapping() throws(JSONError) {
    guard mapping == .null || mapping.entries != nil else { throw wrongType("", mapping, allowed: "a mapping") }
  }

  private func unknownKey(_ key: String) -> JSONError {
    var error = JSONError.unknownKey(key, path: path, known: Array(known))
    error.source = source
    return error
  }
}

/// How far names are from each other, for suggestions.
package enum Spelling {
  /// The one of `names` that takes the fewest edits to become `name`; nil if none is near.
  package static func nearest(to name: String, among names: [String]) -> String? {
    let ranked = names.map { (name: $0, distance: distance(name, $0)) }.min { $0.distance < $1.distance }
    guard let ranked, ranked.distance <= max(1, min(name.count, ranked.name.count) / 2) else { return nil }
    return ranked.name
  }

  /// Insertions, deletions and substitutions that lead from one text to the other.
  static func distance(_ first: String, _ second: String) -> Int {
    let (first, second) = (Array(first.prefix(200)), Array(second.prefix(200)))
    var row = Array(0...second.count)
    for (i, a) in first.enumerated() {
      var diagonal = row[0]
      row[0] = i + 1
      for (j, b) in second.enumerated() {
        let substituted = diagonal + (a == b ? 0 : 1)
        diagonal = row[j + 1]
        row[j + 1] = min(substituted, row[j] + 1, diagonal + 1)
      }
    }
    return row[second.count]
  }
}
