import JSON
import Testing
import TokenData

@testable import Training

@Suite struct RunAdviceTests {
  private static func lines(
    _ overrides: [String] = [], rankCount: Int = 1, samplesPerEpoch: Int? = 1000, sharedShards: [String] = []
  ) throws -> [String] {
    RunAdvice(
      try SmallRun.recall(overrides), rankCount: rankCount, samplesPerEpoch: samplesPerEpoch,
      sharedShards: sharedShards
    ).lines
  }

  @Test func `a usual run gets no advice`() throws {
    #expect(try Self.lines().isEmpty)
    #expect(try Self.lines(["schedule.warmup_steps=19", "train.accumulation=8"]).isEmpty)
    #expect(try Self.lines(rankCount: 8, samplesPerEpoch: nil).isEmpty)
  }

  @Test(arguments: [
    (["optimizer.learning_rate=0"], "optimizer.learning_rate is 0"),
    (["schedule.warmup_steps=21"], "schedule.warmup_steps (21) takes all of train.steps (20): the learning rate never"),
    (["schedule.warmup_steps=20"], "reaches its peak with the last step"),
    (["schedule.kind=wsd", "schedule.decay_steps=15", "schedule.warmup_steps=6"], "are more than train.steps (20)"),
  ]) func `a schedule that leaves nothing to learn with is said to`(overrides: [String], part: String) throws {
    let lines = try Self.lines(overrides)
    #expect(lines.count == 1 && lines[0].contains(part), "\(lines)")
  }

  @Test func `ranks without a sample are counted`() throws {
    #expect(
      try Self.lines(rankCount: 9) == [
        "9 ranks share 8 samples: 1 of them have nothing to do in each micro-batch"
      ])
    #expect(
      try Self.lines(["train.accumulation=4"], rankCount: 8) == [
        "8 ranks share 2 samples of train.batch_size (8) in 4 parts: 6 of them have nothing to do in each micro-batch"
      ])
  }

  @Test func `hundreds of epochs over little data are counted`() throws {
    let lines = try Self.lines(["train.steps=1000"], samplesPerEpoch: 16)
    #expect(lines.count == 1 && lines[0].contains("go 500 times over the 16 samples of data.train"), "\(lines)")
    #expect(try Self.lines(["train.steps=199"], samplesPerEpoch: 16).isEmpty)
  }

  @Test func `validation on what is trained on is said to be so, by whatever path`() throws {
    let scratch = try Scratch()
    let run = RunInDirectory(directory: scratch.file("run"))
    let shard = scratch.file("tiny_train_000000.bin")
    let config = try SmallRun.tokens(
      scratch,
      ["data.validation=\(scratch.path)/../\(scratch.path.split(separator: "/").last ?? "")/*.bin", "train.steps=1"])
    try run.train(config)
    #expect(
      run.messages.all.contains { $0.contains("data.validation measures on what is trained on") }, "\(run.messages.all)"
    )
    // Names part what stands in one directory.
    try TokenShardWriter.write(
      (0..<100).map { Int32($0 % 24) }, vocabularySize: 24, to: scratch.file("tiny_val_000000.bin"))
    let parted = try SmallRun.tokens(
      scratch, ["data.train=\(scratch.path)", "data.validation=\(scratch.path)", "train.steps=1"])
    #expect(try parted.data.sharedShards() == [])
    #expect(try config.data.sharedShards().count == 1, "\(shard)")
  }
}
