internal import Foundation
package import JSON

/// A file that takes a run's records, one after the other.
package protocol MetricsSink: AnyObject {
  var path: String { get }
  /// Adds one record, a mapping; nothing, not a part of it, if that fails.
  func append(_ record: JSONValue) throws(TelemetryError)
}

/// Measurements of a run as lines of JSON, one object a step.
///
/// Keys keep the order they are given in. Numbers have their shortest form that reads back the same; those that JSON
/// does not know are the texts `"nan"`, `"inf"` and `"-inf"`. Each line reaches the system before ``append(_:)``
/// returns.
package final class MetricsFile: MetricsSink {
  package let path: String

  private let descriptor: Int32
  /// Where the whole lines end, if a part of a line that could not be written follows them.
  private var tornEnd: off_t?

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
  package func append(_ record: JSONValue) throws(TelemetryError) {
    precondition(record.entries != nil, "metrics: a line holds a mapping, found \(record)")
    try cutTornLine()
    let end = lseek(descriptor, 0, SEEK_END)
    let code = writeAll(Array((record.withSpelledNumbers.json() + "\n").utf8), to: descriptor)
    guard code != 0 else { return }
    if end >= 0, lseek(descriptor, 0, SEEK_END) > end { tornEnd = end }
    try? cutTornLine()  // the write's own error is what counts; the next line tries again
    throw TelemetryError(operation: "write", path: path, code: code)
  }

  private func cutTornLine() throws(TelemetryError) {
    guard let tornEnd else { return }
    guard ftruncate(descriptor, tornEnd) == 0 else { throw TelemetryError(operation: "cut", path: path, code: errno) }
    self.tornEnd = nil
  }
}

extension JSONValue {
  /// The same with every number that JSON does not know replaced by its name.
  fileprivate var withSpelledNumbers: JSONValue {
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

/// A file of measurements that could not be opened, read or written.
package struct TelemetryError: Error, Hashable, Sendable {
  /// What failed: `"open"`, `"read"`, `"write"` or `"cut"`.
  package let operation: String
  package let path: String
  /// The system's reason, `errno`.
  package let code: Int32
}

extension TelemetryError: CustomStringConvertible {
  package var description: String {
    "cannot \(operation) \(path): \(String(cString: strerror(code))) (errno \(code))"
  }
}
