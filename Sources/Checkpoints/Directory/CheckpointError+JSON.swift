internal import JSON

extension CheckpointError {
  /// What is wrong with the JSON in the file at `path`.
  ///
  /// - Parameter what: what of the file is JSON, for errors that name no key.
  fileprivate init(_ error: JSONError, path: String, what: String) {
    switch error.kind {
    case .missingKey:
      self = .missing(path: path, what: "key \(error.key)")
    case .unknownKey:
      self = .malformed(path: path, what: "key", found: error.key, allowed: "only the keys of this format version")
    case .unreadable, .missingFile:
      let place = error.line.map { ", line \($0)" } ?? ""
      self = .malformed(path: path, what: what + place, found: "broken JSON: \(error.found)", allowed: "JSON")
    case .wrongType, .outOfRange, .invalid, .malformedOverride:
      let place = error.key.isEmpty ? what : "key \(error.key)"
      self = .malformed(path: path, what: place, found: error.found, allowed: error.allowed)
    }
  }
}

/// What `body` reads out of the JSON in the file at `path`, its errors those of the file.
///
/// - Parameter what: what of the file is JSON, for errors that name no key.
func reading<T>(
  _ path: String, _ what: String = "content", _ body: () throws(JSONError) -> T
) throws(CheckpointError) -> T {
  do throws(JSONError) {
    return try body()
  } catch {
    throw CheckpointError(error, path: path, what: what)
  }
}

/// What `body` reads out of the JSON value that a file holds.
func readJSON<T>(
  _ path: String, disk: Disk, _ body: (JSONValue) throws(JSONError) -> T
) throws(CheckpointError) -> T {
  let bytes = try disk.readFile(path)
  return try reading(path) { () throws(JSONError) in try body(JSONValue(json: bytes, source: path)) }
}
