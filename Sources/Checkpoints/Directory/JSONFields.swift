internal import Settings

/// The keys of one JSON object, each taken once with its type and range; what is left over is refused.
struct JSONFields {
  private let path: String
  /// What comes before a key in messages, such as `sample_cursor.`.
  private let prefix: String
  private var rest: [String: Setting]

  init(_ value: Setting, path: String, prefix: String = "") throws(CheckpointError) {
    guard let entries = value.entries else {
      let what = prefix.isEmpty ? "content" : String(prefix.dropLast())
      throw .malformed(path: path, what: what, found: shortJSON(value), allowed: "a JSON object")
    }
    self.path = path
    self.prefix = prefix
    self.rest = Dictionary(entries.map { ($0.key, $0.value) }) { first, _ in first }
  }

  /// Reads a file that holds one JSON object.
  init(file path: String, disk: Disk) throws(CheckpointError) {
    try self.init(try readJSON(path, disk: disk), path: path)
  }

  /// The entries of an object that stands alone.
  static func entries(of value: Setting, _ key: String, path: String) throws(CheckpointError) -> [Setting.Entry] {
    guard case .mapping(let entries) = value else {
      throw .malformed(path: path, what: "key \(key)", found: shortJSON(value), allowed: "an object")
    }
    return entries
  }

  mutating func value(_ key: String) throws(CheckpointError) -> Setting {
    guard let value = rest.removeValue(forKey: key) else { throw .missing(path: path, what: "key \(prefix)\(key)") }
    return value
  }

  mutating func integer(_ key: String, in range: ClosedRange<Int> = 0...Int.max) throws(CheckpointError) -> Int {
    let value = try value(key)
    guard case .integer(let integer) = value, range.contains(integer) else {
      let allowed = range.upperBound == .max ? "\(range.lowerBound)..." : "\(range)"
      throw wrong(key, value, allowed: range == Int.min...Int.max ? "an integer" : "an integer in \(allowed)")
    }
    return integer
  }

  mutating func text(_ key: String) throws(CheckpointError) -> String {
    let value = try value(key)
    guard case .text(let text) = value else { throw wrong(key, value, allowed: "text") }
    return text
  }

  /// Text, or nil for null.
  mutating func optionalText(_ key: String) throws(CheckpointError) -> String? {
    let value = try value(key)
    if case .null = value { return nil }
    guard case .text(let text) = value else { throw wrong(key, value, allowed: "text or null") }
    return text
  }

  mutating func list(_ key: String) throws(CheckpointError) -> [Setting] {
    let value = try value(key)
    guard case .list(let elements) = value else { throw wrong(key, value, allowed: "a list") }
    return elements
  }

  /// An object whose every value is a list of numbers.
  mutating func numberLists(_ key: String) throws(CheckpointError) -> [String: [Double]] {
    var lists: [String: [Double]] = [:]
    for entry in try entries(key) {
      let numbers = (entry.value.listValue ?? [.null]).map(\.numberValue)
      lists[entry.key] = numbers.compactMap { $0 }
      guard !numbers.contains(nil) else {
        throw wrong("\(key).\(entry.key)", entry.value, allowed: "a list of numbers")
      }
    }
    return lists
  }

  mutating func entries(_ key: String) throws(CheckpointError) -> [Setting.Entry] {
    try JSONFields.entries(of: try value(key), prefix + key, path: path)
  }

  mutating func fields(_ key: String) throws(CheckpointError) -> JSONFields {
    try JSONFields(try value(key), path: path, prefix: prefix + key + ".")
  }

  /// Ends the reading: no key may be left.
  func finish() throws(CheckpointError) {
    guard let key = rest.keys.min() else { return }
    throw .malformed(path: path, what: "key", found: prefix + key, allowed: "only the keys of this format version")
  }

  func wrong(_ key: String, _ value: Setting, allowed: String) -> CheckpointError {
    .malformed(path: path, what: "key \(prefix)\(key)", found: shortJSON(value), allowed: allowed)
  }
}

/// The JSON value in a file.
func readJSON(_ path: String, disk: Disk) throws(CheckpointError) -> Setting {
  try parseJSON(try disk.readFile(path), what: "content", path: path)
}

/// The value of a JSON text.
///
/// - Parameter what: the name of the text, for messages.
func parseJSON(_ bytes: [UInt8], what: String, path: String) throws(CheckpointError) -> Setting {
  guard let text = String(validating: bytes, as: UTF8.self) else {
    throw .malformed(path: path, what: what, found: "bytes that are not UTF-8", allowed: "JSON")
  }
  do {
    return try Setting(json: text, source: what)
  } catch {
    let place = error.line.map { ", line \($0)" } ?? ""
    throw .malformed(path: path, what: what + place, found: "broken JSON: \(error.found)", allowed: "JSON")
  }
}

/// `value` as JSON, cut to a length that fits a message.
func shortJSON(_ value: Setting) -> String {
  let text = value.json(pretty: false)
  return text.count <= 80 ? text : text.prefix(80) + "…"
}
