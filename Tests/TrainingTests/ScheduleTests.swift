import Foundation
import JSON
import Optimizers
import Testing

@testable import Training

struct ScheduleTests {
  @Test(arguments: [(1, 1), (8, 1), (8, 4), (7, 3), (5, 5), (64, 7)], [1, 2, 3, 5, 9])
  func `shares cover every sample of a batch once`(batch: (size: Int, accumulation: Int), rankCount: Int) {
    var covered: [Int] = []
    for microBatch in 0..<batch.accumulation {
      let shares = (0..<rankCount).map {
        BatchShare(batchSize: batch.size, accumulation: batch.accumulation, rank: $0, rankCount: rankCount)
          .samples(microBatch: microBatch)
      }
      covered += shares.flatMap { Array($0) }
      let sizes = shares.map(\.count)
      #expect((sizes.max() ?? 0) - (sizes.min() ?? 0) <= 1, "\(sizes)")
    }
    #expect(covered == Array(0..<batch.size))
  }

  @Test func `a run file, and a checkpoint's, may call the final ratio by its former name`() throws {
    let run = try SmallRun.recall(["schedule.final_share=0.3"])
    #expect(run.schedule.finalRatio == 0.3 && run.resolved["schedule"]?["final_ratio"] == 0.3)
    #expect(run.resolved["schedule"]?["final_share"] == nil)
  }

  @Test(arguments: [[1.0, 1, 1], [3, 0, 1]])
  func `uniform draws come as often as their weights`(weights: [Double]) throws {
    let list = weights.map { "\($0)" }.joined(separator: ", ")
    let chunks = try SmallRun.recall(["train.chunk_weights=[\(list)]"]).train.chunks
    let count = 6000
    let draws = (0..<count).map { chunks.size(step: $0, microBatch: 0, accumulation: 1, seed: 7) }
    for (size, weight) in zip([2, 3, 8], weights) {
      let expected = weight / weights.reduce(0, +)
      let share = Double(draws.count { $0 == size }) / Double(count)
      let deviation = (expected * (1 - expected) / Double(count)).squareRoot()
      #expect(abs(share - expected) <= 5 * deviation, "size \(size): expected \(expected), got \(share)")
    }
    #expect(draws != (0..<count).map { chunks.size(step: $0, microBatch: 0, accumulation: 1, seed: 8) })
  }

  @Test func `a uniform draw holds for all micro-batches of a step`() throws {
    let chunks = try SmallRun.recall().train.chunks
    for step in 0..<20 {
      #expect(Set((0..<4).map { chunks.size(step: step, microBatch: $0, accumulation: 4, seed: 1) }).count == 1)
    }
  }

  @Test(arguments: [1, 2, 3, 4])
  func `a cycle goes round over micro-batches`(accumulation: Int) throws {
    let chunks = try SmallRun.recall(["train.chunk_schedule=cycle"]).train.chunks
    let sizes = (0..<6).flatMap { step in
      (0..<accumulation).map { chunks.size(step: step, microBatch: $0, accumulation: accumulation, seed: 1) }
    }
    #expect(sizes == (0..<6 * accumulation).map { [2, 3, 8][$0 % 3] })
  }

  @Test(arguments: [
    ("train.chunk_sizes=[]", "train.chunk_sizes"), ("train.chunk_sizes=[2, 2]", "train.chunk_sizes"),
    ("train.chunk_sizes=[2, 9]", "train.chunk_sizes"), ("train.chunk_weights=[1]", "train.chunk_weights"),
    ("train.chunk_weights=[0, 0, 0]", "train.chunk_weights"), ("train.chunk_schedule=random", "train.chunk_schedule"),
    ("train.accumulation=9", "train.accumulation"), ("model.max_position_embeddings=8", "data.context"),
    ("model.vocab_size=23", "model.vocab_size"), ("train.stepz=4", "train.stepz"),
  ])
  func `settings that do not go together are refused by name`(override: String, key: String) throws {
    let error = try #require(throws: JSONError.self) { try SmallRun.recall([override]) }
    #expect(error.description.contains(key) && !error.description.contains("\n"), "\(error)")
  }

  @Test func `a constant rate rises and stays`() {
    let schedule = LearningRateSchedule(kind: .constant, warmupSteps: 4)
    #expect((0..<6).map { schedule.share(step: $0, of: 100) } == [0.25, 0.5, 0.75, 1, 1, 1])
    #expect(schedule.share(step: 99, of: 100) == 1)
    #expect(LearningRateSchedule(kind: .constant).share(step: 0, of: 1) == 1)
  }

  @Test func `a cosine falls from the peak to its last share`() {
    let schedule = LearningRateSchedule(kind: .cosine, warmupSteps: 10, finalRatio: 0.1)
    #expect(schedule.share(step: 0, of: 110) == 0.1)
    #expect(schedule.share(step: 9, of: 110) == 1)
    #expect(schedule.share(step: 10, of: 110) == 1)
    #expect(abs(schedule.share(step: 60, of: 110) - 0.55) < 1e-12)
    #expect(abs(schedule.share(step: 35, of: 110) - (0.1 + 0.45 * (1 + 0.5.squareRoot()))) < 1e-12)
    #expect(abs(schedule.share(step: 110, of: 110) - 0.1) < 1e-12)
    #expect(abs(schedule.share(step: 500, of: 110) - 0.1) < 1e-12)
  }

  @Test func `a line falls evenly`() {
    let schedule = LearningRateSchedule(kind: .linear, warmupSteps: 0, finalRatio: 0)
    #expect((0...4).map { schedule.share(step: $0, of: 4) } == [1, 0.75, 0.5, 0.25, 0])
  }

  @Test func `warm-up, stable, decay`() {
    let schedule = LearningRateSchedule(kind: .wsd, warmupSteps: 2, finalRatio: 0.2, decaySteps: 4)
    let shares = (0...10).map { schedule.share(step: $0, of: 10) }
    for (found, expected) in zip(shares, [0.5, 1, 1, 1, 1, 1, 1, 0.8, 0.6, 0.4, 0.2]) {
      #expect(abs(found - expected) < 1e-12, "\(shares)")
    }
  }

  @Test(arguments: LearningRateSchedule.Kind.allCases)
  func `a run that is all warm-up has no step without a rate`(kind: LearningRateSchedule.Kind) {
    let schedule = LearningRateSchedule(kind: kind, warmupSteps: 5, decaySteps: 3)
    for step in 0...6 {
      let share = schedule.share(step: step, of: 5)
      #expect(share > 0 && share <= 1, "step \(step): \(share)")
    }
  }
}
