import Parallel
import Testing

@testable import Training

/// What ranks take care of besides their work.
struct RankCareTests {
  @Test(arguments: ["none", "attention", "blocks"])
  func `progress is noted inside of a micro-batch`(recomputation: String) throws {
    let notes = { (layers: Int) in
      let config = try SmallRun.recall([
        "train.recompute=\(recomputation)", "model.num_hidden_layers=\(layers)", "model.tie_word_embeddings=false",
      ])
      let group = SpyGroup(SoloGroup())
      _ = try StepRun(config, group: group).step(0, isStopRequested: false)
      return group.notes.count { $0 == .gradients }
    }
    let (few, many) = (try notes(1), try notes(3))
    // A layer has several ops, each of which is noted on its way forwards and backwards.
    #expect(many - few >= 2 * 8, "\(few) notes with one layer, \(many) with three")
  }

  @Test(arguments: [(true, true), (false, false)])
  func `gradients are not sent during the backward pass where a second thread may make no calls`(
    servesThreads: Bool, expected: Bool
  ) throws {
    let config = try SmallRun.recall()
    let answers = try ThreadGroup.run(size: 2) { group in
      let spy = SpyGroup(group, servesThreads: servesThreads || group.rank == 0)
      return try config.parallel.isOverlapped(in: spy, hasSpareCore: true)
    }
    #expect(answers == [expected, expected])
  }

  @Test func `resuming with another order of sums is warned of`() throws {
    let scratch = try Scratch()
    let train = { (overrides: [String]) in
      let config = try SmallRun.tokens(scratch, overrides)
      let run = RunInDirectory(directory: scratch.file("run"))
      _ = try ThreadGroup.run(size: 2) { try run.trainer(config, group: $0).run(.automatic) }
      return run.messages.all.count { $0.contains("the order of sums over ranks changed") }
    }
    #expect(try train(["train.steps=2"]) == 0)
    #expect(try train(["train.steps=4"]) == 0)
    #expect(try train(["train.steps=6", "parallel.wire=bfloat16"]) == 1)
  }
}
