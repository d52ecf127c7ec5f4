import Foundation
import JSON
import Logging
import Synchronization
import Telemetry
import Testing

@Suite struct JSONLinesFileTests {
  private let path = FileManager.default.temporaryDirectory.appending(path: "metrics-\(UUID().uuidString).jsonl").path

  private func content() throws -> String { try String(contentsOfFile: path, encoding: .utf8) }

  @Test func `a line is one object with its keys in order and numbers in shortest form`() throws {
    defer { unlink(path) }
    let file = try JSONLinesFile(path: path)
    try file.append(["step": 1, "loss": 0.1, "chunk_size": 8, "text": "a\nb", "rate": .number(0.1 + 0.2)])
    #expect(
      try content() == #"{"step": 1, "loss": 0.1, "chunk_size": 8, "text": "a\nb", "rate": 0.30000000000000004}"# + "\n"
    )
  }

  @Test func `numbers that JSON does not know are spelled, at any depth`() throws {
    defer { unlink(path) }
    let file = try JSONLinesFile(path: path)
    try file.append([
      "loss": .number(.nan), "norms": [.number(.infinity), .number(-.infinity), 1.5], "x": ["y": .number(.nan)],
    ])
    #expect(try content() == #"{"loss": "nan", "norms": ["inf", "-inf", 1.5], "x": {"y": "nan"}}"# + "\n")
  }

  @Test func `lines are there at once and a file that is opened again goes on`() throws {
    defer { unlink(path) }
    let file = try JSONLinesFile(path: path)
    for step in 1...3 {
      try file.append(["step": .integer(step)])
      #expect(try content().split(separator: "\n").count == step)
    }
    try JSONLinesFile(path: path).append(["step": 4])
    try file.append(["step": 5])
    #expect(try content() == (1...5).map { "{\"step\": \($0)}\n" }.joined())
  }

  @Test func `a directory that is not there is named with the system's reason`() {
    let expected = "cannot open /nowhere/metrics.jsonl: No such file or directory (errno \(ENOENT))"
    let error = #expect(throws: TelemetryError.self) { try JSONLinesFile(path: "/nowhere/metrics.jsonl") }
    #expect(error.map { "\($0)" } == expected)
  }

  @Test func `a full disk is an error of the line that did not fit`() throws {
    let file = try JSONLinesFile(path: "/dev/full")
    let error = #expect(throws: TelemetryError.self) { try file.append(["step": 1]) }
    #expect(error?.operation == "write")
    #expect(error?.code == ENOSPC)
  }
}

@Suite struct MetricsLogTests {
  private static func record(_ step: Int) -> RunRecord { RunRecord(step: step, .step(StepRecord(loss: 1.5))) }

  @Test func `a line that cannot be written holds nothing up, and is said once`() throws {
    let messages = LogMessages()
    let log = MetricsLog(try JSONLinesFile(path: "/dev/full"), logger: messages.logger)
    for step in 1...5 { log.append(Self.record(step)) }
    #expect(messages.all.count == 1 && messages.all[0].hasPrefix("warning metrics cannot be written"))
    #expect(messages.all.first?.contains("No space left on device") == true, "\(messages.all)")
    log.finish()
    #expect(messages.all.count == 2 && messages.all.last?.hasPrefix("error lines of metrics are lost lines=5") == true)
    log.finish()
    #expect(messages.all.count == 2)
  }

  @Test func `the oldest lines go when too many wait, and are counted`() throws {
    let messages = LogMessages()
    let log = MetricsLog(try JSONLinesFile(path: "/dev/full"), logger: messages.logger, capacity: 3)
    for step in 1...8 { log.append(Self.record(step)) }
    log.finish()
    #expect(messages.all.last?.hasPrefix("error lines of metrics are lost lines=8") == true, "\(messages.all)")
  }

  @Test func `lines that can be written are, at once and without a word`() throws {
    let path = FileManager.default.temporaryDirectory.appending(path: "metrics-\(UUID().uuidString).jsonl").path
    defer { unlink(path) }
    let messages = LogMessages()
    let log = MetricsLog(try JSONLinesFile(path: path), logger: messages.logger)
    for step in 1...3 {
      log.append(Self.record(step))
      #expect(try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").count == step)
    }
    log.finish()
    #expect(messages.all.isEmpty)
  }
}

/// Keeps what a logger was told.
private final class LogMessages: Sendable {
  private let lines = Mutex<[String]>([])

  var all: [String] { lines.withLock { $0 } }
  var logger: Logger { Logger(label: "test") { _ in Handler(messages: self) } }

  private struct Handler: LogHandler {
    let messages: LogMessages
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.trace

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
      get { metadata[key] }
      set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
      let details = (event.metadata ?? [:]).sorted { $0.key < $1.key }.map { "\($0)=\($1)" }
      messages.lines.withLock {
        $0.append(([event.level.rawValue, event.message.description] + details).joined(separator: " "))
      }
    }
  }
}
