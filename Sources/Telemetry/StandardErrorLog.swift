internal import Foundation
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
