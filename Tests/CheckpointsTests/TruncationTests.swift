import Checkpoints
import FaultSupport
import Foundation
import Testing

/// Files that are cut short while they are mapped. Each is tried in a process of its own, which it ends.
struct TruncationTests {
  /// Where a test's process leaves a file for this one to remove, told by the number of this one.
  private static func place(_ number: Int32, _ test: String) -> String {
    FileManager.default.temporaryDirectory.appending(path: "\(test)-\(number)").path
  }

  @Test func `a safetensors file that is cut short while it is open ends the process with one line`() async throws {
    let result = await #expect(processExitsWith: .exitCode(1), observing: [\.standardErrorContent]) {
      let run = Self.place(getppid(), "open")
      let written = try SampleCheckpoint(step: 5).write(to: run)
      let checkpoint = try CheckpointDirectory(verifying: written.path)
      let file = try #require(checkpoint.weights.file("model.norm.weight"))
      truncate(file.path, 0)
      _ = try checkpoint.weights.floats("model.norm.weight")
    }
    let place = Self.place(getpid(), "open")
    try FileManager.default.removeItem(atPath: place)
    let text = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
    #expect(text.hasPrefix("catlm: \(place)/checkpoints/step-00000005/model-0000"), "\(text)")
    #expect(text.contains(": the file was cut short while it was in use: found 0 bytes, it had "), "\(text)")
    #expect(text.hasSuffix(" when it was opened\n") && text.split(separator: "\n").count == 1, "\(text)")
  }

  @Test func `a fault that no open file explains is left to whoever handled it before`() async throws {
    await #expect(processExitsWith: .signal(SIGBUS)) {
      let run = Self.place(getppid(), "closed")
      let written = try SampleCheckpoint(step: 5).write(to: run)
      let checkpoint = try CheckpointDirectory(verifying: written.path)
      _ = checkpoint.weights.names
      raise(SIGBUS)
    }
    try? FileManager.default.removeItem(atPath: Self.place(getpid(), "closed"))
  }
}
