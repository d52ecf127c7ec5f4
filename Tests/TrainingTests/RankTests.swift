import Parallel
import Testing

@testable import Training

/// Any number of ranks, any way of sharing the work: the same run.
struct RankTests {
  /// Fifty steps on batches of eight, which three does not divide, in several buckets.
  private static func config(_ overrides: [String]) throws -> RunConfig {
    try SmallRun.recall(["train.steps=50", "parallel.bucket_bytes=4096"] + overrides)
  }

  private static func expectClose(_ found: StepRun.Curve, _ expected: StepRun.Curve, within bound: Double) {
    #expect(found.chunkSizes == expected.chunkSizes)
    #expect(found.targetCounts == expected.targetCounts)
    #expect(found.updates == expected.updates)
    for step in expected.losses.indices {
      #expect(
        abs(found.losses[step] / expected.losses[step] - 1) <= bound,
        "step \(step): expected \(expected.losses[step]), got \(found.losses[step])")
      #expect(abs(found.gradientNorms[step] / expected.gradientNorms[step] - 1) <= max(1e-4, 10 * bound))
    }
  }

  @Test(arguments: ["uniform", "cycle"], [1, 4])
  func `any number of ranks gives the losses of one`(schedule: String, accumulation: Int) throws {
    let config = try Self.config(["train.chunk_schedule=\(schedule)", "train.accumulation=\(accumulation)"])
    let one = try StepRun.curves(config, rankCount: 1)[0]
    #expect(one.losses[49] < one.losses[0] && one.updates.allSatisfy { $0 })
    for rankCount in 2...4 {
      let ranks = try StepRun.curves(config, rankCount: rankCount)
      for curve in ranks { #expect(curve == ranks[0], "ranks of \(rankCount) differ") }
      Self.expectClose(ranks[0], one, within: 1e-6)
    }
  }

  @Test(arguments: [2, 3, 4], [1, 4])
  func `a sharded optimizer gives the losses of a whole one`(rankCount: Int, accumulation: Int) throws {
    let overrides = ["train.accumulation=\(accumulation)"]
    let whole = try StepRun.curves(Self.config(overrides), rankCount: rankCount)
    let sharded = try StepRun.curves(
      Self.config(overrides + ["parallel.shard_optimizer=true"]), rankCount: rankCount)
    for curve in sharded { #expect(curve == sharded[0], "ranks of \(rankCount) differ") }
    Self.expectClose(sharded[0], whole[0], within: 1e-6)
  }

  @Test(
    arguments: [2, 3],
    [[], ["parallel.shard_optimizer=true"], ["parallel.wire=bfloat16"], ["train.accumulation=8"]])
  func `sending during the backward pass changes no bit`(rankCount: Int, overrides: [String]) throws {
    let after = try StepRun.curves(Self.config(overrides + ["parallel.overlap=off"]), rankCount: rankCount)
    let during = try StepRun.curves(Self.config(overrides + ["parallel.overlap=on"]), rankCount: rankCount)
    #expect(during == after)
  }

  @Test(arguments: [2, 3, 4], [false, true])
  func `ranks without samples take part`(rankCount: Int, isSharded: Bool) throws {
    let overrides = ["train.batch_size=1", "parallel.shard_optimizer=\(isSharded)", "parallel.overlap=on"]
    let ranks = try StepRun.curves(Self.config(overrides), rankCount: rankCount)
    for curve in ranks { #expect(curve == ranks[0]) }
    Self.expectClose(ranks[0], try StepRun.curves(Self.config(overrides), rankCount: 1)[0], within: 1e-6)
  }

  @Test(arguments: [2, 3, 4], [false, true])
  func `half the bytes on the wire leave ranks alike and the loss within a hundredth`(
    rankCount: Int, isSharded: Bool
  ) throws {
    let overrides = ["parallel.shard_optimizer=\(isSharded)"]
    let full = try StepRun.curves(Self.config(overrides), rankCount: rankCount)
    let half = try StepRun.curves(Self.config(overrides + ["parallel.wire=bfloat16"]), rankCount: rankCount)
    for curve in half { #expect(curve == half[0], "ranks of \(rankCount) differ") }
    #expect(half[0].losses != full[0].losses)
    Self.expectClose(half[0], full[0], within: 1e-2)
  }

  @Test(arguments: [1, 2, 3, 4])
  func `moments of a sharded optimizer are gathered and scattered whole`(rankCount: Int) throws {
    let config = try Self.config(["parallel.shard_optimizer=true", "train.steps=2"])
    let found = try ThreadGroup.run(size: rankCount) { group in
      let run = try StepRun(config, group: group)
      let transfer = ShardedMoments(run.optimizer, plan: run.plan, group: group)
      let count = run.model.parameters.count
      let values = (0..<count).map { Float($0) }
      for (start, end) in [(0, 1000), (1000, count - 7), (count - 7, count)] {
        try transfer.scatter(
          .second, of: start..<end, group.rank == 0 ? Array(values[start..<end]) : nil)
      }
      guard group.rank == 0 else {
        try transfer.serve()
        return run.optimizer.secondMoments.count
      }
      var gathered = [Float](repeating: -1, count: count)
      for start in stride(from: 0, to: count, by: 777) {
        let end = min(count, start + 777)
        try gathered[start..<end].withUnsafeMutableBufferPointer { piece in
          try transfer.gather(.second, from: start, into: piece)
        }
      }
      try transfer.endGathering()
      #expect(gathered == values)
      return run.optimizer.secondMoments.count
    }
    #expect(found.reduce(0, +) == (try StepRun(config, group: SoloGroup())).model.parameters.count)
  }
}
