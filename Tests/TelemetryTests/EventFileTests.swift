import Foundation
import JSON
import Testing

@testable import Telemetry

@Suite struct EventFileTests {
  private static func directory() throws -> String {
    let path = FileManager.default.temporaryDirectory.appending(path: "events-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    return path
  }

  /// The steps of a file's events.
  private static func steps(_ path: String) throws -> [Int] {
    let content = try Data(contentsOf: URL(filePath: path))
    var (end, steps) = (0, [Int]())
    while let record = EventRecord(framedIn: content, at: end) {
      steps.append(record.step)
      end += record.framedCount
    }
    #expect(end == content.count)
    return steps
  }

  private static func record(_ step: Int) -> RunRecord {
    var record = StepRecord(loss: 2.5)
    record.chunkSizes = [4]
    record.isSkipped = true
    return RunRecord(step: step, time: Date(timeIntervalSince1970: 1.5), .step(record))
  }

  @Test func `the checksum is that of the standard's example`() {
    #expect(CRC32C.sum("123456789".utf8) == 0xe306_9283)
    // RFC 3720: 32 bytes of zeros, and of ones.
    #expect(CRC32C.sum([UInt8](repeating: 0, count: 32)) == 0x8a91_36aa)
    #expect(CRC32C.sum([UInt8](repeating: 255, count: 32)) == 0x62a8_ab43)
  }

  @Test func `a record says what its line says, in one event`() throws {
    let event = try #require(EventRecord(Self.record(7)))
    #expect(event.step == 7)
    let bytes = event.framed
    let text = String(decoding: bytes, as: UTF8.self)
    #expect(text.contains("training/loss") && text.contains("training/loss/C4") && !text.contains("skipped"))
    #expect(!text.contains("training/step") && !text.contains("training/time"))
    // 2.5 in single precision, in field 2.
    #expect(bytes.indices.dropLast(4).contains { Array(bytes[$0...$0 + 4]) == [0x15, 0, 0, 0x20, 0x40] })
    let tags = { (event: RunRecord.Event) in RunRecord(step: 3, event).scalars.map(\.tag) }
    let validation = RunRecord.Validation(chunkSize: 16, loss: 1, accuracy: 0.5)
    #expect(tags(.validation(validation)) == ["validation/loss/C16", "validation/accuracy/C16"])
    #expect(tags(.stall(.init(cause: .samples, seconds: 1))) == ["stall/samples"])
    #expect(
      tags(.checkpoint(.init(name: "step-00000003", byteCount: 9, seconds: 1)))
        == ["checkpoint/bytes", "checkpoint/write_seconds"])
    #expect(tags(.end(.init(outcome: .failed, seconds: 2, reason: "x"))) == ["end/elapsed_seconds"])
    #expect(EventRecord(RunRecord(step: 3, .step(StepRecord(loss: .nan)))) == nil)
  }

  @Test func `a histogram has its name, its sums and its bins`() throws {
    let histogram = Histogram(
      name: "weights/w", least: -1, largest: 1, count: 3, sum: 0.5, sumOfSquares: 2.25, bins: [1, 0, 0, 2])
    let bytes = try #require(EventRecord(RunRecord(step: 3, .histograms([histogram])))).framed
    #expect(String(decoding: bytes, as: UTF8.self).contains("weights/w"))
    // Limits of the bins, in field 6: -0.5, 0, 0.5, 1.
    let limits = [-0.5, 0, 0.5, 1].flatMap { ProtocolBuffer.littleEndian($0.bitPattern) }
    let field = [UInt8(6 << 3 | 2), 32] + limits
    #expect(bytes.indices.dropLast(field.count).contains { Array(bytes[$0..<$0 + field.count]) == field })
  }

  @Test func `a run that goes on writes to the same file, cut back to its step`() throws {
    let directory = try Self.directory()
    defer { try? FileManager.default.removeItem(atPath: directory) }
    var path = ""
    do {
      let file = try EventFile(directory: directory)
      for step in 1...9 { try file.append(Self.record(step)) }
      path = file.path
    }
    #expect(try Self.steps(path) == [0] + Array(1...9))
    try EventFile.cut(in: directory, toStep: 5)
    #expect(try Self.steps(path) == [0] + Array(1...5))
    let again = try EventFile(directory: directory)
    #expect(again.path == path)
    try again.append(Self.record(6))
    #expect(try Self.steps(path) == [0] + Array(1...6))
  }

  @Test func `a record that came late for its step stays when later ones are taken out`() throws {
    let directory = try Self.directory()
    defer { try? FileManager.default.removeItem(atPath: directory) }
    let file = try EventFile(directory: directory)
    for step in [1, 2, 3, 2, 4] { try file.append(Self.record(step)) }
    try EventFile.cut(in: directory, toStep: 2)
    #expect(try Self.steps(file.path) == [0, 1, 2, 2])
    #expect(try FileManager.default.contentsOfDirectory(atPath: directory).count == 1)
    let again = try EventFile(directory: directory)
    try again.append(Self.record(3))
    #expect(try Self.steps(file.path) == [0, 1, 2, 2, 3])
  }

  @Test(arguments: 1...40) func `what follows a record that is not whole is taken out`(missing: Int) throws {
    let directory = try Self.directory()
    defer { try? FileManager.default.removeItem(atPath: directory) }
    let file = try EventFile(directory: directory)
    for step in 1...3 { try file.append(Self.record(step)) }
    var content = try Data(contentsOf: URL(filePath: file.path))
    content.removeLast(missing)
    try content.write(to: URL(filePath: file.path))
    try EventFile.cut(in: directory, toStep: 100)
    #expect(try Self.steps(file.path) == [0, 1, 2])
  }

  @Test func `a directory without an event file has nothing to cut, and one that cannot be written is an error`() throws
  {
    let directory = try Self.directory()
    defer { try? FileManager.default.removeItem(atPath: directory) }
    try EventFile.cut(in: directory, toStep: 1)
    #expect(throws: TelemetryError.self) { try EventFile(directory: directory + "/absent") }
  }
}
