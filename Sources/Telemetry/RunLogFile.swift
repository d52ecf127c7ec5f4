internal import Foundation
internal import JSON
package import Logging
internal import Synchronization

/// A run's `run.log`: what the run says, and its records with all their numbers, a line each.
///
/// Lines are as on standard error: `time level message key=value …`. What is said before the file is open waits for it.
package final class RunLogFile: RecordSink, Sendable {
  package let path: String

  private struct State {
    /// Nil before it is open.
    var file: AppendOnlyFile?
    /// Lines of before.
    var waiting: [String] = []
  }

  // The file is used under this lock alone.
  private let state = Mutex(State())

  package init(path: String) {
    self.path = path
  }

  /// Opens the file, and writes what waited for that.
  package func open() throws(TelemetryError) {
    try state.withLock { [path] (state) throws(TelemetryError) in
      let file = try AppendOnlyFile(path: path)
      try file.append(Self.bytes(state.waiting))
      state.waiting = []
      state.file = file
    }
  }

  package func append(_ record: RunRecord) throws(TelemetryError) {
    guard let line = Self.line(record) else { return }
    try append(line)
  }

  private func append(_ line: String) throws(TelemetryError) {
    try state.withLock { (state) throws(TelemetryError) in
      guard let file = state.file else { return state.waiting.append(line) }
      try file.append(Self.bytes([line]))
    }
  }

  private static func bytes(_ lines: [String]) -> [UInt8] { lines.flatMap { Array($0.utf8) + [UInt8(ascii: "\n")] } }

  /// The record as a line; nil for histograms.
  private static func line(_ record: RunRecord) -> String? {
    guard let entries = record.line?.withSpelledNumbers.entries else { return nil }
    let fields = entries.filter { $0.key != MetricsKey.time.rawValue }.map { entry in
      (key: entry.key, value: entry.value.textValue ?? entry.value.json())
    }
    return LogLine.text(
      time: Date(timeIntervalSince1970: record.time), level: "info", message: "record", fields: fields)
  }

  /// A logger that says the same, and writes it here as well.
  package func logger(beside logger: Logger) -> Logger {
    var both = logger
    both.handler = Handler(terminal: logger.handler, terminalLevel: logger.logLevel, file: self)
    return both
  }

  /// Sends messages to a handler, those of its level, and to the file.
  private struct Handler: LogHandler {
    var terminal: any LogHandler
    let terminalLevel: Logger.Level
    let file: RunLogFile

    var metadata: Logger.Metadata {
      get { terminal.metadata }
      set { terminal.metadata = newValue }
    }
    /// Of the file, which gets more than a terminal that is to be quiet.
    var logLevel: Logger.Level {
      get { min(terminalLevel, .info) }
      set {}
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
      get { terminal[metadataKey: key] }
      set { terminal[metadataKey: key] = newValue }
    }

    func log(event: LogEvent) {
      if event.level >= terminalLevel { terminal.log(event: event) }
      guard event.level >= .info else { return }
      // A line that the disk has no room for is on standard error all the same.
      try? file.append(
        LogLine.text(
          time: Date.now, level: event.level.rawValue, message: event.message.description,
          fields: LogFields.ordered(event.metadata ?? [:])))
    }
  }

  // MARK: Cutting back

  /// Takes lines of later steps out of a log, and a last line that is not whole.
  package static func cut(at path: String, toStep step: Int) throws(TelemetryError) {
    guard FileManager.default.fileExists(atPath: path) else { return }
    guard let content = FileManager.default.contents(atPath: path) else {
      throw TelemetryError(operation: "read", path: path, code: errno)
    }
    var (kept, start) = ([Range<Int>](), 0)
    while let end = content[start...].firstIndex(of: UInt8(ascii: "\n")) {
      defer { start = end + 1 }
      guard Self.step(of: content[start..<end]) ?? 0 <= step else { continue }
      if let last = kept.last, last.upperBound == start {
        kept[kept.count - 1] = last.lowerBound..<end + 1
      } else {
        kept.append(start..<end + 1)
      }
    }
    guard kept != [0..<content.count], !content.isEmpty else { return }
    try AppendOnlyFile.keep(kept, of: content, at: path)
  }

  /// The step that a line is of; nil if it is of none.
  private static func step(of line: Data) -> Int? {
    let mark = Data(" step=".utf8)
    guard let place = line.range(of: mark) else { return nil }
    return Int(String(decoding: line[place.upperBound...].prefix { (48..<58).contains($0) }, as: UTF8.self))
  }
}
