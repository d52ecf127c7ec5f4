internal import Foundation
package import Settings

/// Measurements of a run as lines of JSON, one object a step.
///
/// Keys keep the order they are given in. Numbers have their shortest form that reads back the same; those that JSON
/// does not know are the texts `"nan"`, `"inf"` and `"-inf"`. Each line reaches the system before ``append(_:)``
/// returns.
package final class MetricsFile {
  package let path: String

  private let descriptor: Int32

  /// Opens the file for lines at its end; makes it if it is not there.
  package init(path: String) throws(TelemetryError) {
    descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
    self.path = path
    guard descriptor >= 0 else { throw TelemetryError(operation: "open", path: path, code: errno) }
  }

  deinit {
    if descriptor >= 0 { close(descriptor) }
  }

  /// Adds one line; none, not a part of it, if that fails.
  package func append(_ record: Setting) throws(TelemetryError) {
    precondition(record.entries != nil, "metrics: a line holds a mapping, found \(record)")
    let end = lseek(descriptor, 0, SEEK_END)
    let code = writeAll(record.withSpelledNumbers.json() + "\n", to: descriptor)
    guard code != 0 else { return }
    if end >= 0 { _ = ftruncate(descriptor, end) }  // the write's own error is what counts
    throw TelemetryError(operation: "write", path: path, code: code)
  }

  /// Cuts a file off before its first line that is of a later step than `step`, or that is no complete record: what an
  /// interrupted run wrote beyond its last checkpoint. A missing file is left missing.
  ///
  /// - Returns: the bytes cut off.
  package static func cut(_ path: String, after step: Int) throws(TelemetryError) -> Int {
    guard access(path, F_OK) == 0 else { return 0 }
    guard let content = FileManager.default.contents(atPath: path) else {
      throw TelemetryError(operation: "read", path: path, code: errno)
    }
    let kept = keptByteCount(content, after: step)
    guard kept < content.count else { return 0 }
    guard truncate(path, off_t(kept)) == 0 else { throw TelemetryError(operation: "cut", path: path, code: errno) }
    return content.count - kept
  }

  private static func keptByteCount(_ content: Data, after step: Int) -> Int {
    var kept = content.startIndex
    while let newline = content[kept...].firstIndex(of: UInt8(ascii: "\n")) {
      let line = String(decoding: content[kept..<newline], as: UTF8.self)
      guard let found = try? Setting(json: line)["step"]?.integerValue, found <= step else { break }
      kept = newline + 1
    }
    return kept - content.startIndex
  }
}

extension Setting {
  /// The same with every number that JSON does not know replaced by its name.
  fileprivate var withSpelledNumbers: Setting {
    switch self {
    case .number(let value) where !value.isFinite:
      return .text(value.isNaN ? "nan" : value > 0 ? "inf" : "-inf")
    case .list(let elements):
      return .list(elements.map(\.withSpelledNumbers))
    case .mapping(let entries):
      return .mapping(entries.map { Entry(key: $0.key, value: $0.value.withSpelledNumbers) })
    case .null, .flag, .integer, .number, .text:
      return self
    }
  }
}
