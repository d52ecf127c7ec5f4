import Foundation
import JSON
import Logging
import Testing

@testable import Telemetry

@Suite struct RunRecordTests {
  private static let time = Date(timeIntervalSince1970: 1_700_000_000.25)

  private static var step: StepRecord {
    var step = StepRecord(loss: 0.1)
    step.chunkSizes = [4]
    step.learningRate = 0.001
    step.gradientNorm = 2.5
    step.tokenCount = 100
    step.targetCount = 90
    step.seconds = 0.5
    step.phases.data = 0.01
    step.phases.forward = 0.125
    step.phases.other = -0.5
    step.tokensPerSecond = 200
    step.utilization = 0.25
    step.memory.processBytes = 1000
    step.memory.peakTensorBytes = 4000
    step.checkpointStallSeconds = 0
    return step
  }

  private static var events: [RunRecord.Event] {
    var skipped = step
    (skipped.isSkipped, skipped.isSpike, skipped.chunkSizes) = (true, true, [2, 4])
    return [
      .step(step), .step(skipped), .step(StepRecord(loss: .infinity)),
      .validation(.init(chunkSize: nil, loss: 1.5, accuracy: 0.25, targetCount: 7)),
      .sample(.init(chunkSize: 8, prompt: "a", text: "b\n")),
      .checkpoint(.init(name: "step-00000003", byteCount: 12, seconds: 0.25)),
      .stall(.init(cause: .checkpoint, seconds: 0.125)),
      .end(.init(outcome: .failed, seconds: 9, reason: "no disk")), .end(.init(outcome: .done, seconds: 9)),
    ]
  }

  @Test(arguments: events) func `a line reads back as the record that it is`(event: RunRecord.Event) throws {
    let record = RunRecord(step: 3, time: Self.time, event)
    let line = try #require(record.line).withSpelledNumbers.json()
    #expect(try RunRecord(line: JSONValue(json: line)) == record, "\(line)")
  }

  @Test func `a line has its keys in the order of their declaration`() throws {
    let line = try #require(RunRecord(step: 3, time: Self.time, .step(Self.step)).line)
    #expect(
      line.json() == """
        {"step": 3, "loss": 0.1, "chunk_size": 4, "learning_rate": 0.001, "gradient_norm": 2.5, "tokens": 100, \
        "targets": 90, "seconds": 0.5, "data_seconds": 0.01, "forward_seconds": 0.125, "other_seconds": -0.5, \
        "tokens_per_second": 200.0, "mfu": 0.25, "memory_bytes": 1000, "peak_tensor_bytes": 4000, \
        "checkpoint_stall_seconds": 0.0, "time": 1700000000.25}
        """)
  }

  @Test func `lines of older versions are read, and what is no record is counted`() {
    let lines = """
      {"step": 1, "loss": 5.5}
      {"step": 2, "loss": "nan", "chunk_size": [2, 4], "data_seconds": 0.5, "skipped": true}

      garbage
      {"loss": 1}
      {"step": 3, "another_kind": 1}
      {"step": 3, "validation_loss": 2, "chunk_size": 4}
      {"step": 4, "lo
      """
    let found = MetricsReader(lines: lines.utf8)
    #expect(found.records.map(\.step) == [1, 2, 3])
    #expect(found.unreadableLines == [4, 5])
    guard case .step(let second) = found.records[1].event else {
      Issue.record("\(found.records)")
      return
    }
    #expect(second.loss.isNaN && second.isSkipped && second.chunkSizes == [2, 4] && second.chunkSize == nil)
    #expect(second.phases.data == 0.5 && second.phases.forward == nil)
    #expect(MetricsReader(lines: lines.utf8, having: .validationLoss).records.map(\.step) == [3])
    #expect(MetricsReader(path: "/nowhere/metrics.jsonl") == nil)
  }
}

@Suite struct RunLogFileTests {
  private let path = FileManager.default.temporaryDirectory.appending(path: "run-\(UUID().uuidString).log").path

  private func lines() throws -> [String] {
    try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").map(String.init)
  }

  private static func record(_ step: Int) -> RunRecord {
    RunRecord(step: step, time: Date(timeIntervalSince1970: 0), .step(StepRecord(loss: .nan)))
  }

  @Test func `a log has records with all numbers and what was said, also before it was open`() throws {
    defer { unlink(path) }
    let file = RunLogFile(path: path)
    let logger = file.logger(beside: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    logger.info("before", fields: ["a": "b c"])
    #expect(!FileManager.default.fileExists(atPath: path))
    try file.open()
    logger.debug("not said")
    try file.append(Self.record(1))
    logger.warning("after")
    let found = try lines()
    #expect(found.count == 3)
    #expect(found[0].hasSuffix(" info before a=\"b c\""), "\(found)")
    #expect(found[1] == "1970-01-01T00:00:00Z info record step=1 loss=nan", "\(found)")
    #expect(found[2].hasSuffix(" warning after"), "\(found)")
  }

  @Test func `a terminal that is to be quiet stays so`() throws {
    defer { unlink(path) }
    let file = RunLogFile(path: path)
    let said = Recorder()
    var quiet = Logger(label: "test") { _ in
      StandardErrorLog(level: .warning, console: said.console(isTerminal: false))
    }
    quiet.logLevel = .warning
    let logger = file.logger(beside: quiet)
    try file.open()
    logger.info("one")
    logger.warning("two")
    #expect(said.lines.count == 1 && said.text.contains(" warning two"))
    #expect(try lines().count == 2)
  }

  @Test func `later steps and a torn line are taken out, all else stays`() throws {
    defer { unlink(path) }
    try RunLogFile.cut(at: path, toStep: 1)
    let file = RunLogFile(path: path)
    let logger = file.logger(beside: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    try file.open()
    for step in 1...3 {
      try file.append(Self.record(step))
      logger.info("said after", fields: ["what": "\(step)"])
    }
    let descriptor = open(path, O_WRONLY | O_APPEND)
    #expect(write(descriptor, "torn", 4) == 4)
    close(descriptor)
    try RunLogFile.cut(at: path, toStep: 2)
    let found = try lines().map { $0.split(separator: " ").dropFirst(2).joined(separator: " ") }
    #expect(
      found == [
        "record step=1 loss=nan", "said after what=1", "record step=2 loss=nan", "said after what=2",
        "said after what=3",
      ])
  }
}

@Suite struct HistogramTests {
  @Test func `a histogram counts finite values in bins of equal width`() throws {
    let found = try #require(Histogram("a", of: [-1, 0.5, 2, 2, .nan, .infinity]))
    #expect(found.least == -1 && found.largest == 2 && found.count == 4 && found.sum == 3.5)
    #expect(found.sumOfSquares == 9.25)
    #expect(found.bins.count == Histogram.binCount && found.bins.reduce(0, +) == 4)
    #expect(found.bins[0] == 1 && found.bins[15] == 1 && found.bins[29] == 2)
  }

  @Test func `equal values are in one bin, and no values have no histogram`() throws {
    #expect(try #require(Histogram("a", of: [3, 3])).bins[0] == 2)
    #expect(Histogram("a", of: []) == nil && Histogram("a", of: [.nan]) == nil)
  }
}
