import Corpus
import JSON

/// Reads files of JSON objects, one a line.
enum JSONLines {
  /// Calls `body` with each line's object, and the line's place for messages. Lines of blanks are passed over.
  ///
  /// - Parameter files: `-` is standard input, which is also read where there are none.
  static func forEach(_ files: [String], _ body: (JSONValue, String) throws -> Void) throws {
    for file in files.isEmpty ? ["-"] : files {
      var reader = try LineReader(file)
      while let line = try reader.next() {
        guard line.contains(where: { $0 != 0x20 && $0 != 0x0D && $0 != 0x09 }) else { continue }
        guard let text = String(validating: line, as: UTF8.self) else {
          throw UserError("\(reader.place): is not UTF-8")
        }
        let object: JSONValue
        do {
          object = try JSONValue(json: text, source: reader.place)
        } catch {
          throw UserError("\(reader.place): is no JSON: \(error.found)")
        }
        try body(object, reader.place)
      }
    }
  }

  /// Calls `body` with the value of `key` in each line, and the line's place for messages.
  static func forEach(_ files: [String], key: String, _ body: (JSONValue, String) throws -> Void) throws {
    try forEach(files) { object, place in
      guard let value = object[key] else { throw UserError("\(place): found no key \"\(key)\"") }
      try body(value, place)
    }
  }
}
