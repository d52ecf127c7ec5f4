package import Logging

/// The fields of a log line in the order that the code gives: `Logger.Metadata` has none.
package enum LogFields {
  /// The key under which all fields of a line stand, as a list of pairs.
  private static let key = "fields"

  package static func metadata(_ fields: KeyValuePairs<String, String>) -> Logger.Metadata {
    [key: .array(fields.map { .array([.string($0.key), .string($0.value)]) })]
  }

  /// All fields, those without an order last and sorted.
  package static func ordered(_ metadata: Logger.Metadata) -> [(key: String, value: String)] {
    var fields: [(key: String, value: String)] = []
    if case .array(let pairs) = metadata[key] {
      for case .array(let pair) in pairs where pair.count == 2 {
        fields.append((pair[0].description, pair[1].description))
      }
    }
    let others = metadata.filter { $0.key != key }.sorted { $0.key < $1.key }
    return fields + others.map { ($0.key, $0.value.description) }
  }
}

extension Logger {
  /// - Parameter fields: what goes with the message, in this order.
  package func info(_ message: @autoclosure () -> Message, fields: KeyValuePairs<String, String>) {
    log(level: .info, message(), metadata: LogFields.metadata(fields))
  }

  package func notice(_ message: @autoclosure () -> Message, fields: KeyValuePairs<String, String>) {
    log(level: .notice, message(), metadata: LogFields.metadata(fields))
  }

  package func warning(_ message: @autoclosure () -> Message, fields: KeyValuePairs<String, String>) {
    log(level: .warning, message(), metadata: LogFields.metadata(fields))
  }

  package func error(_ message: @autoclosure () -> Message, fields: KeyValuePairs<String, String>) {
    log(level: .error, message(), metadata: LogFields.metadata(fields))
  }
}
