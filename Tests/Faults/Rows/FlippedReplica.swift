import Checkpoints
import FaultSupport
import Foundation

/// Row 11: a bit of one rank's weights changes in memory, and the next comparison of the ranks finds it.
enum FlippedReplica {
  private static let rankCount = 3

  static let checks = [
    FaultCheck(11, "bit", "one bit of the weights of one of 3 running ranks flipped from outside", fullCount: 60) {
      bench in
      guard Bench.accepts("parallel.check_interval=5") else {
        throw NotPossible("this build compares no replicas (parallel.check_interval)")
      }
      return Attempts { _, random in try flip(bench, &random) }
    }
  ]

  private static func flip(_ bench: Bench, _ random: inout TestRandom) throws {
    let run = RunFolder(path: try bench.directory("run"))
    // A rate so small that weights stay what they are: their bytes can be found in memory.
    let still = ["optimizer.learning_rate=1e-30"]
    let overrides = still + ["train.steps=1000000000", "checkpoint.interval=0", "parallel.check_interval=10"]
    let start = RunFolder(path: try bench.directory("start"))
    try bench.training(run: start.path, still + ["train.steps=1"]).succeed()
    let arguments = ["--resume", start.checkpoint(1)]
    let running = try bench.training(run: run.path, ranks: rankCount, overrides, more: arguments).start()
    let records = Int.random(in: 5...30, using: &random)
    try running.wait { run.recordCount >= records && running.ranks.count == rankCount }
    let ranks = running.ranks
    let place = Int.random(in: 0..<rankCount, using: &random)
    let pattern = try weights(of: start.checkpoint(1))
    try ProcessMemory(ranks[place]).flip(
      byte: Int.random(in: 0..<pattern.count, using: &random), bit: Int.random(in: 0..<8, using: &random), of: pattern)
    let outcome = try running.wait(atMost: .seconds(60))
    try expect(outcome.code != 0, "ended with 0")
    try expect(outcome.errors.contains("rank \(place) differs"), "rank \(place) is not named: \(outcome.brief)")
    try ProcessTree.requireGone(ranks)
  }

  /// Neighbouring weights that no two tensors share.
  private static func weights(of checkpoint: String) throws -> [UInt8] {
    let weights = try CheckpointDirectory(verifying: checkpoint).weights
    let name = try require(
      weights.names.first { $0.contains("layers.0") && (weights.info($0)?.elementCount ?? 0) >= 512 }, "no large tensor"
    )
    let values = try weights.floats(name)
    return values.prefix(256).flatMap { value in (0..<4).map { UInt8(truncatingIfNeeded: value.bitPattern >> (8 * $0)) }
    }
  }
}
