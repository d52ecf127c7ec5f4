import Foundation
import Testing
import TokenData

@Suite struct TruncationTests {
  /// Where a test's process leaves a file for this one to remove, told by the number of this one.
  private static func place(_ number: Int32, _ test: String) -> String {
    FileManager.default.temporaryDirectory.appending(path: "\(test)-\(number).bin").path
  }

  @Test func `a shard that is cut short while it is open ends the process with one line`() async throws {
    let result = await #expect(processExitsWith: .exitCode(1), observing: [\.standardErrorContent]) {
      let path = Self.place(getppid(), "open")
      try TokenShardWriter.write([Int32](repeating: 7, count: 100_000), vocabularySize: 256, to: path)
      let shard = try TokenShard(path: path)
      truncate(path, 8192)
      // What is left of the file can still be read.
      _ = shard.ids(0..<1000)
      _ = shard.ids(50_000..<50_100)
    }
    let place = Self.place(getpid(), "open")
    try FileManager.default.removeItem(atPath: place)
    let text = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
    #expect(
      text
        == "catlm: \(place): the file was cut short while it was in use: found 8192 bytes, it had 201024 when it was "
        + "opened\n")
  }

  @Test func `a shard that is closed is forgotten, and others are still watched`() async throws {
    let result = await #expect(processExitsWith: .exitCode(1), observing: [\.standardErrorContent]) {
      let path = Self.place(getppid(), "closed")
      for _ in 0..<100 {
        try TokenShardWriter.write([1, 2, 3], vocabularySize: 256, to: path)
        _ = try TokenShard(path: path).ids(0..<3)
      }
      let shard = try TokenShard(path: path)
      truncate(path, 0)
      _ = shard.ids(0..<3)
    }
    let place = Self.place(getpid(), "closed")
    try FileManager.default.removeItem(atPath: place)
    let text = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
    #expect(text.hasPrefix("catlm: \(place): the file was cut short"), "\(text)")
  }
}
