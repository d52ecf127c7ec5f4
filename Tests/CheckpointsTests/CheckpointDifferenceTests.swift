import FaultSupport
import Testing

@testable import Checkpoints
@testable import JSON

struct CheckpointDifferenceTests {
  private let scratch: Scratch
  private let memory = TensorMemory()

  init() throws { scratch = try Scratch() }

  private func open(_ name: String, _ tensors: [NamedTensor], config: JSONValue = ["width": 4]) throws
    -> CheckpointDirectory
  {
    let path = scratch.path + "/" + name
    try ModelExport(config: config, weights: tensors).write(to: path, shardBytes: 1 << 30)
    return try CheckpointDirectory(verifying: path)
  }

  @Test func `a checkpoint does not differ from itself`() throws {
    let path = try SampleCheckpoint(step: 3).write(to: scratch.path).path
    let difference = try CheckpointDifference(
      CheckpointDirectory(verifying: path), CheckpointDirectory(verifying: path), extra: [("run", ["a": 2], ["a": 2.0])]
    )
    #expect(difference.isEmpty && difference.commonCount == 7)
  }

  @Test func `tensors, configuration and state that differ are named`() throws {
    let (first, second) = (try Scratch(), try Scratch())
    let left = try SampleCheckpoint(step: 3).write(to: first.path).path
    let right = try SampleCheckpoint(step: 4).write(to: second.path).path
    let difference = try CheckpointDifference(
      CheckpointDirectory(verifying: left), CheckpointDirectory(verifying: right),
      extra: [("run.yaml", ["train": ["steps": 3]], ["train": ["steps": 4, "seed": 1]])])
    #expect(difference.tensors.count == 7)
    #expect(difference.settings.contains(JSONDifference(key: "trainer_state.json.step", first: 3, second: 4)))
    #expect(difference.settings.contains(JSONDifference(key: "run.yaml.train.steps", first: 3, second: 4)))
    #expect(difference.settings.contains(JSONDifference(key: "run.yaml.train.seed", first: .null, second: 1)))
  }

  @Test func `the number of elements that differ and the largest difference are found across pieces`() throws {
    let count = NamedTensor.pieceBytes / 4 + 10
    var values = [Float](repeating: 1, count: count)
    let left = try open("left", [memory.floats("a", [count], values), memory.floats("same", [1], [2])])
    values[3] = 1.5
    values[count - 1] = -1
    let right = try open("right", [memory.floats("a", [count], values), memory.floats("same", [1], [2])])
    let difference = try CheckpointDifference(left, right)
    #expect(difference.tensors == [.init(name: "a", kind: .values(count: 2, of: count, largest: 2))])
    #expect(difference.settings.isEmpty && difference.commonCount == 2)
  }

  @Test func `missing tensors and other forms are told apart`() throws {
    let left = try open("left", [memory.floats("a", [2, 2], [1, 2, 3, 4]), memory.floats("b", [1], [1])])
    let right = try open(
      "right", [memory.floats("a", [4], [1, 2, 3, 4]), memory.floats("c", [1], [1])], config: ["width": 5])
    let difference = try CheckpointDifference(left, right)
    #expect(
      difference.tensors == [
        .init(name: "a", kind: .form(first: "F32 [2, 2]", second: "F32 [4]")), .init(name: "b", kind: .onlyInFirst),
        .init(name: "c", kind: .onlyInSecond),
      ])
    #expect(difference.settings == [JSONDifference(key: "config.json.width", first: 4, second: 5)])
  }

  @Test(arguments: [
    ([Float.nan], [Float(1)], Double.nan), ([.infinity], [1], .infinity), ([0], [-0.0], 0),
  ])
  func `what is no number is no equality`(first: [Float], second: [Float], largest: Double) throws {
    let left = try open("left", [memory.floats("a", [1], first)])
    let right = try open("right", [memory.floats("a", [1], second)])
    guard case .values(1, 1, let found)? = try CheckpointDifference(left, right).tensors.first?.kind else {
      Issue.record("no difference")
      return
    }
    #expect(found == largest || (found.isNaN && largest.isNaN))
    #expect(try CheckpointDifference(left, left).isEmpty)
  }

  @Test func `halves and integers are compared by value`() throws {
    let left = try open(
      "left",
      [
        memory.floats("a", [1], [1], storedAs: .bfloat16),
        memory.tensor("n", .int64, [1], bytes: [3, 0, 0, 0, 0, 0, 0, 0]),
      ])
    let right = try open(
      "right",
      [
        memory.floats("a", [1], [3], storedAs: .bfloat16),
        memory.tensor("n", .int64, [1], bytes: [8, 0, 0, 0, 0, 0, 0, 0]),
      ])
    #expect(
      try CheckpointDifference(left, right).tensors.map(\.kind) == [
        .values(count: 1, of: 1, largest: 2), .values(count: 1, of: 1, largest: 5),
      ])
  }
}
