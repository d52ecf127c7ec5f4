package import JSON

/// A file of JSON objects, one a line.
///
/// Keys keep the order they are given in. Numbers have their shortest form that reads back the same; those that JSON
/// does not know are the texts `"nan"`, `"inf"` and `"-inf"`.
package final class JSONLinesFile {
  private let file: AppendOnlyFile

  /// Opens the file for lines at its end; makes it if it is not there.
  package init(path: String) throws(TelemetryError) {
    file = try AppendOnlyFile(path: path)
  }

  package var path: String { file.path }

  /// Adds one line; none, not a part of it, if that fails.
  package func append(_ object: JSONValue) throws(TelemetryError) {
    precondition(object.entries != nil, "\(path): a line holds a mapping, found \(object)")
    try file.append(Array((object.withSpelledNumbers.json() + "\n").utf8))
  }
}

/// A run's `metrics.jsonl`: a line for each record.
extension JSONLinesFile: RecordSink {
  package func append(_ record: RunRecord) throws(TelemetryError) {
    if let line = record.line { try append(line) }
  }
}

extension JSONValue {
  /// The same with every number that JSON does not know replaced by its name.
  package var withSpelledNumbers: JSONValue {
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

  /// A number, or one that is spelled because JSON does not know it; nil for anything else.
  package var spelledNumber: Double? {
    switch self {
    case .text("nan"): .nan
    case .text("inf"): .infinity
    case .text("-inf"): -.infinity
    default: numberValue
    }
  }
}
