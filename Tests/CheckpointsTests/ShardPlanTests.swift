import Checkpoints
import Testing

struct ShardPlanTests {
  @Test(
    arguments: [
      ([], 10, []), ([3], 10, [0..<1]), ([5, 5, 1], 10, [0..<2, 2..<3]), ([20, 1, 1], 10, [0..<1, 1..<3]),
      ([1, 20, 1], 10, [0..<1, 1..<2, 2..<3]), ([0, 0, 10, 0], 10, [0..<4]),
      ([4, 4, 4, 4], 1, [0..<1, 1..<2, 2..<3, 3..<4]),
    ] as [([Int], Int, [Range<Int>])])
  func `tensors fill files in order`(byteCounts: [Int], shardBytes: Int, expected: [Range<Int>]) {
    let plan = ShardPlan(stem: "model", byteCounts: byteCounts, shardBytes: shardBytes)
    #expect(plan.shards.map(\.tensors) == expected)
  }

  @Test func `names count files from one in five digits`() {
    let plan = ShardPlan(stem: "optimizer", byteCounts: [4, 4, 4], shardBytes: 8)
    #expect(
      plan.shards.map(\.fileName) == ["optimizer-00001-of-00002.safetensors", "optimizer-00002-of-00002.safetensors"])
    let single = ShardPlan(stem: "model", byteCounts: [4], shardBytes: 8, namesSingleAlone: true)
    #expect(single.shards.map(\.fileName) == ["model.safetensors"])
    let numbered = ShardPlan(stem: "model", byteCounts: [4], shardBytes: 8)
    #expect(numbered.shards.map(\.fileName) == ["model-00001-of-00001.safetensors"])
  }
}
