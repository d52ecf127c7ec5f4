import Checkpoints
import FaultSupport
import Foundation
import Testing

struct TensorSourceTests {
  private struct Refusal: Error, CustomStringConvertible {
    let description: String
  }

  /// Pieces that a source was asked for.
  private final class Requests {
    var ranges: [Range<Int>] = []
  }

  /// Elements over two and a half pieces, so that the last is a short one.
  private static let values = (0..<NamedTensor.pieceBytes * 5 / 8 + 3).map { Float($0 % 1001) / 7 }

  private func tensor(storedAs type: ElementType, _ requests: Requests) -> NamedTensor {
    let fill = { (target: UnsafeMutableRawBufferPointer, offset: Int) in
      requests.ranges.append(offset..<offset + target.count)
      Self.values.withUnsafeBytes { bytes in
        target.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + target.count]))
      }
    }
    return NamedTensor(
      name: "a", type: .float32, shape: [Self.values.count], source: .pieces(fill), storedAs: type)
  }

  @Test(arguments: [ElementType.float32, .bfloat16, .float16])
  func `a tensor that comes in pieces is written as one in memory`(storedType: ElementType) throws {
    let scratch = try Scratch()
    let (memory, requests) = (TensorMemory(), Requests())
    let tensors = [
      memory.floats("a", [Self.values.count], Self.values, storedAs: storedType),
      tensor(storedAs: storedType, requests),
    ]
    let records = try tensors.enumerated().map { index, tensor in
      try SafetensorsWriter().write([tensor], to: scratch.path + "/\(index).safetensors")
    }
    #expect(records[0].sha256 == records[1].sha256)
    #expect(try bytes(of: scratch.path + "/0.safetensors") == bytes(of: scratch.path + "/1.safetensors"))
    #expect(
      requests.ranges.map(\.count) == [NamedTensor.pieceBytes, NamedTensor.pieceBytes, NamedTensor.pieceBytes / 2 + 12])
    #expect(requests.ranges.map(\.lowerBound) == [0, NamedTensor.pieceBytes, 2 * NamedTensor.pieceBytes])
  }

  @Test func `a source that fails gives one line, and the old checkpoints stay`() throws {
    let scratch = try Scratch()
    try SampleCheckpoint(step: 1).write(to: scratch.path)
    var contents = SampleCheckpoint(step: 2).contents
    contents.optimizer.append(
      NamedTensor(
        name: "exp_avg.far", type: .float32, shape: [4],
        source: .pieces { _, _ in throw Refusal(description: "rank 3 has left") }))
    let store = CheckpointStore(runDirectory: scratch.path)
    let text = try message { _ = try store.write(contents, shardBytes: 150) }
    #expect(text == "tensor exp_avg.far cannot be written: rank 3 has left")
    #expect(try names(in: store.directory) == ["latest", "step-00000001"])
  }

  @Test func `copying tensors gives mapped memory back`() throws {
    let scratch = try Scratch()
    let count = 1 << 20
    let memory = TensorMemory()
    let path = scratch.path + "/model.safetensors"
    let tensors = (0..<4).map { memory.floats("t\($0)", [count], [Float](repeating: Float($0), count: count)) }
    _ = try SafetensorsWriter().write(tensors, to: path)
    let file = try SafetensorsFile(path: path)
    #expect(try file.floats("t1").count == count)
    #expect(try residentBytes(of: path) >= 4 * count)
    var target = [Float](repeating: -1, count: count)
    for name in ["t0", "t1", "t2", "t3"] {
      try target.withUnsafeMutableBufferPointer { try file.copyFloats(of: name, to: $0) }
    }
    #expect(target.allSatisfy { $0 == 3 })
    #expect(try residentBytes(of: path) < count)
  }

  /// Memory that this process's mappings of a file hold.
  private func residentBytes(of path: String) throws -> Int {
    var isOfFile = false
    var total = 0
    // Files of this kind have no size, and are read to their end only by a handle.
    let smaps = try #require(FileHandle(forReadingAtPath: "/proc/self/smaps")).readDataToEndOfFile()
    for line in String(decoding: smaps, as: UTF8.self).split(separator: "\n") {
      let words = line.split(separator: " ")
      if words[0] == "Rss:" {
        total += isOfFile ? try #require(Int(words[1])) * 1024 : 0
      } else if !words[0].hasSuffix(":") {
        isOfFile = line.hasSuffix(path)
      }
    }
    return total
  }
}
