internal import Foundation
package import JSON

/// A run file as it stands, with overrides put in.
package struct RunFile: Hashable, Sendable {
  /// File name without its extension.
  package let name: String
  package let root: JSONValue
  /// The file's path, for messages.
  package let source: String
  private let overrides: [Override]

  /// Reads a file.
  ///
  /// - Parameters:
  ///   - path: a YAML (or JSON) file that holds a mapping.
  ///   - overrides: each `section.key=value`, in the order in which they apply. The value is a YAML scalar or a list in
  ///     brackets; a key that the file does not have is added.
  package init(path: String, overrides: [String]) throws(JSONError) {
    let name = URL(filePath: path).deletingPathExtension().lastPathComponent
    try self.init(yaml: try Self.text(ofFile: path), overrides: overrides, name: name, source: path)
  }

  /// Reads a text as if it were the content of a file called `name`.
  package init(yaml: String, overrides: [String] = [], name: String) throws(JSONError) {
    try self.init(yaml: yaml, overrides: overrides, name: name, source: name)
  }

  private init(yaml: String, overrides: [String], name: String, source: String) throws(JSONError) {
    var root = try JSONValue(yaml: yaml, source: source)
    if root == .null { root = .mapping([]) }
    guard root.entries != nil else {
      throw JSONError.unreadable(source: source, line: nil, problem: "found \(root.brief), allowed: a mapping")
    }
    var parsed: [Override] = []
    for text in overrides {
      parsed.append(try Override(text))
      root = try parsed[parsed.count - 1].applied(to: root)
    }
    self.overrides = parsed
    self.name = name
    self.root = root
    self.source = source
  }

  /// A reader of the whole file; its sections' keys are called `model.hidden_size` and so on.
  package func reader() -> JSONReader {
    JSONReader(root, path: "", source: source)
  }

  /// An error with where its value comes from: the override that set the key, or the file.
  package func attributed(_ error: JSONError) -> JSONError {
    var error = error
    if let override = overrides.last(where: { $0.sets(error.key) }) {
      error.source = "--set \(override.text)"
      error.line = nil
    } else if error.source == nil {
      error.source = source
    }
    return error
  }

  private static func text(ofFile path: String) throws(JSONError) -> String {
    let data: Data
    do {
      data = try Data(contentsOf: URL(filePath: path))
    } catch {
      throw .missingFile(path, problem: Self.reason(path, error))
    }
    // A byte order mark says nothing that is not known; YAML allows it at the start, the parser does not.
    let mark: [UInt8] = [0xEF, 0xBB, 0xBF]
    guard let text = String(validating: data.starts(with: mark) ? data.dropFirst(3) : data, as: UTF8.self) else {
      let isWide = data.starts(with: [0xFF, 0xFE]) || data.starts(with: [0xFE, 0xFF])
      throw .unreadable(source: path, line: nil, problem: isWide ? "UTF-16, not UTF-8" : "not UTF-8")
    }
    return text
  }

  /// Why a file could not be read, in the system's words.
  private static func reason(_ path: String, _ error: any Error) -> String {
    guard unsafe access(path, R_OK) == 0 else { return unsafe String(cString: strerror(errno)) }
    var isDirectory: ObjCBool = false
    _ = unsafe FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory)
    guard isDirectory.boolValue else { return error.localizedDescription }
    let own = path + (path.hasSuffix("/") ? "" : "/") + "config.yaml"
    return FileManager.default.fileExists(atPath: own)
      ? "is a directory; the configuration in it is \(own)" : "is a directory, not a run file"
  }
}
