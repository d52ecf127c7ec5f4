import CPUBackend
import Parallel
import Testing

@testable import Training

/// Runs whose optimizer is shared out among ranks, and their checkpoints.
struct ShardedRunTests {
  private let scratch: Scratch

  init() throws { scratch = try Scratch() }

  private func run(_ name: String) -> RunInDirectory { RunInDirectory(directory: scratch.file(name)) }

  private func config(_ overrides: String...) throws -> RunConfig {
    try SmallRun.tokens(scratch, ["parallel.bucket_bytes=2048"] + overrides)
  }

  private func train(_ run: RunInDirectory, _ config: RunConfig, rankCount: Int) throws {
    _ = try ThreadGroup.run(size: rankCount) { group in
      try Trainer(
        config, runDirectory: run.directory, group: group, backend: CPUBackend(threadCount: 1),
        host: TrainerHost(threadCount: 1, blasCore: "test", summary: "a test"), logger: run.messages.logger()
      ).run(.automatic)
    }
  }

  private static func expectClose(_ found: [String: [UInt32]], _ expected: [String: [UInt32]]) {
    #expect(expected.count > 60 && Set(expected.keys) == Set(found.keys))
    for (name, bits) in expected {
      let pairs = zip(bits, found[name] ?? []).map { (Float(bitPattern: $0), Float(bitPattern: $1)) }
      #expect(pairs.count == bits.count && pairs.allSatisfy { abs($0 - $1) <= 1e-5 * max(1e-2, abs($0)) }, "\(name)")
    }
  }

  @Test(arguments: [2, 3], ["first", "each"])
  func `a resumed sharded run gives the uninterrupted one, bit for bit`(rankCount: Int, reading: String) throws {
    let overrides = ["parallel.shard_optimizer=true", "checkpoint.read=\(reading)"]
    let (whole, parts) = (run("whole"), run("parts"))
    try train(whole, config(overrides[0], overrides[1]), rankCount: rankCount)
    try train(parts, config(overrides[0], overrides[1], "train.steps=4"), rankCount: rankCount)
    try train(parts, config(overrides[0], overrides[1]), rankCount: rankCount)
    #expect(parts.messages.all.contains { $0.hasPrefix("resuming") && $0.contains("step=4") })
    let (expected, found) = (try whole.tensors(8), try parts.tensors(8))
    #expect(expected.count > 60 && Set(expected.keys) == Set(found.keys))
    for name in expected.keys.sorted() { #expect(found[name] == expected[name], "\(name)") }
    #expect(try parts.records() == whole.records())
  }

  @Test(arguments: [2, 3, 4])
  func `checkpoints of a sharded run hold what those of a whole one hold`(rankCount: Int) throws {
    let (whole, sharded) = (run("whole"), run("sharded"))
    try train(whole, config(), rankCount: rankCount)
    try train(sharded, config("parallel.shard_optimizer=true"), rankCount: rankCount)
    try Self.expectClose(sharded.tensors(2), whole.tensors(2))
    try Self.expectClose(sharded.tensors(8), whole.tensors(8))
  }

  @Test(arguments: [(2, true, 3, true), (3, true, 1, false), (1, false, 3, true), (2, true, 2, false)])
  func `a run goes on with other ranks, sharded or not`(
    ranks: Int, isSharded: Bool, laterRanks: Int, staysSharded: Bool
  ) throws {
    let (whole, changed) = (run("whole"), run("changed"))
    try train(whole, config(), rankCount: 1)
    try train(changed, config("train.steps=4", "parallel.shard_optimizer=\(isSharded)"), rankCount: ranks)
    try train(changed, config("parallel.shard_optimizer=\(staysSharded)"), rankCount: laterRanks)
    try Self.expectClose(changed.tensors(8), whole.tensors(8))
  }
}
