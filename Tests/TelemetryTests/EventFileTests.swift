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

  private static func record(_ step: Int) -> JSONValue {
    ["step": .integer(step), "loss": 2.5, "chunk_size": 4, "skipped": true, "time": 1.5]
  }

  @Test func `the checksum is that of the standard's example`() {
    #expect(CRC32C.sum("123456789".utf8) == 0xe306_9283)
    // RFC 3720: 32 bytes of zeros, and of ones.
    #expect(CRC32C.sum([UInt8](repeating: 0, count: 32)) == 0x8a91_36aa)
    #expect(CRC32C.sum([UInt8](repeating: 255, count: 32)) == 0x62a8_ab43)
  }

  @Test func `a record says what its line says, in one event`() throws {
    let events = EventRecord.records(of: Self.record(7))
    #expect(events.map(\.step) == [7])
    let bytes = try #require(events.first).framed
    let text = String(decoding: bytes, as: UTF8.self)
    #expect(text.contains("training/loss") && text.contains("training/loss/C4") && !text.contains("skipped"))
    #expect(!text.contains("training/step") && !text.contains("training/time"))
    // 2.5 in single precision, in field 2.
    #expect(bytes.indices.dropLast(4).contains { Array(bytes[$0...$0 + 4]) == [0x15, 0, 0, 0x20, 0x40] })
    let validation: JSONValue = ["step": 3, "validation_loss": 1, "accuracy": 0.5, "chunk_size": 16]
    let said = String(decoding: EventRecord.records(of: validation)[0].framed, as: UTF8.self)
    #expect(said.contains("validation/loss/C16") && said.contains("validation/accuracy/C16"))
    #expect(EventRecord.records(of: ["step": 3, "loss": "nan"]).isEmpty)
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
