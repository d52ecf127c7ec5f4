internal import Foundation
internal import JSON
package import Logging

/// Log lines on standard error that leave a progress line in peace: `time level message key=value …`.
package struct StandardErrorLog: LogHandler {
  package var metadata: Logger.Metadata = [:]
  package var metadataProvider: Logger.MetadataProvider?
  package var logLevel: Logger.Level

  private let console: Console

  package init(level: Logger.Level, console: Console = .standardError) {
    logLevel = level
    self.console = console
  }

  package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  package func log(event: LogEvent) {
    var fields = metadata
    for more in [metadataProvider?.get(), event.metadata] {
      fields.merge(more ?? [:]) { $1 }
    }
    if let error = event.error { fields["error"] = .string("\(error)") }
    console.print(
      LogLine.text(
        time: Date.now, level: event.level.rawValue, message: event.message.description,
        fields: LogFields.ordered(fields)))
  }
}

/// Makes ``StandardErrorLog`` the way all loggers write. Once in a process.
package func bootstrapLogging(level: Logger.Level) {
  LoggingSystem.bootstrap { _ in StandardErrorLog(level: level) }
}

/// The form of a log line.
enum LogLine {
  /// Such as `2026-01-31T12:00:00Z warning loss is not finite step=412 rank=3`; values with spaces quoted.
  static func text(time: Date, level: String, message: String, fields: [(key: String, value: String)]) -> String {
    let pairs = fields.map { $0.key + "=" + quoted($0.value) }
    return ([time.ISO8601Format(), level, message] + pairs).joined(separator: " ")
  }

  private static func quoted(_ value: String) -> String {
    let isPlain = !value.isEmpty && value.unicodeScalars.allSatisfy { $0.value > 0x20 && $0 != "\"" && $0 != "=" }
    return isPlain ? value : JSONValue.text(value).json()
  }
}

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
