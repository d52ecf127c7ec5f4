import JSON
import Testing

@testable import Training

struct InitialWeightsTests {
  private let scratch: Scratch

  init() throws { scratch = try Scratch() }

  @Test func `a run begins with the weights of another, and with nothing else of it`() throws {
    let first = RunInDirectory(directory: scratch.file("first"))
    try first.train(SmallRun.tokens(scratch))
    let config = try SmallRun.tokens(
      scratch, ["train.initial_weights=\(scratch.file("first"))", "optimizer.learning_rate=0", "train.steps=2"])
    let second = RunInDirectory(directory: scratch.file("second"))
    try second.train(config)
    let (before, after) = (try first.tensors(8), try second.tensors(2))
    for name in before.keys where !name.hasPrefix("exp_avg") { #expect(after[name] == before[name], "\(name)") }
    #expect(try second.records().compactMap { $0["step"]?.integerValue } == [1, 2])
    #expect(
      second.messages.all.contains { $0.hasPrefix("beginning with given weights") && $0.contains("step-00000008") })
  }

  @Test(arguments: [
    "model.intermediate_size=32", "model.num_heads=4", "model.norm_eps=1.0e-5", "model.rope_theta=500",
  ])
  func `weights of another model are refused by the key that differs`(override: String) throws {
    let first = RunInDirectory(directory: scratch.file("first"))
    try first.train(SmallRun.tokens(scratch, ["train.steps=1"]))
    let config = try SmallRun.tokens(scratch, ["train.initial_weights=\(first.checkpoint(1))", override])
    let error = try #require(throws: TrainerError.self) {
      try RunInDirectory(directory: scratch.file("second")).train(config)
    }
    let key = override.prefix { $0 != "=" }
    #expect(error.isUserError && error.description.contains(key), "\(error)")
  }
}
