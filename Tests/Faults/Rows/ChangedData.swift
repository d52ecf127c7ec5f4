import FaultSupport
import Foundation

/// Row 16: the token shards of a run change, under it or before it goes on.
enum ChangedData {
  static let checks = [
    FaultCheck(16, "truncated", "a shard is cut short while 1 or 2 ranks train on it", fullCount: 40) { bench in
      Attempts { index, random in try truncateShard(bench, ranks: index % 2 == 0 ? nil : 2, &random) }
    },
    FaultCheck(
      16, "replaced", "a shard with other bytes under the same name, then the same bytes elsewhere", fullCount: 60
    ) { bench in
      let reference = try FailingDisk.uninterrupted(bench)
      return Attempts { _, random in try replaceShard(bench, reference, &random) }
    },
  ]

  private static func shard(in directory: String) throws -> String {
    let names = try FileManager.default.contentsOfDirectory(atPath: directory).filter { $0.contains("_train_") }
    return directory + "/" + (try require(names.min(), "no shard in \(directory)"))
  }

  private static func copyData(_ bench: Bench) throws -> String {
    try bench.fill()
    let copy = bench.file("copy")
    bench.remove(copy)
    try FileManager.default.copyItem(atPath: bench.file("data"), toPath: copy)
    return copy
  }

  /// One line names the file, no rank is left, and with the file back the same command goes on.
  private static func truncateShard(_ bench: Bench, ranks: Int?, _ random: inout TestRandom) throws {
    let copy = try copyData(bench)
    let shard = try shard(in: copy)
    let run = RunFolder(path: try bench.directory("run"))
    let overrides = ["data.train=\(copy)", "checkpoint.interval=5"]
    let running = try bench.training(run: run.path, ranks: ranks, overrides + ["train.steps=1000000"]).start()
    let records = Int.random(in: 1...40, using: &random)
    try running.wait {
      run.recordCount >= records && (run.newestNamedStep ?? 0) >= 5 && running.ranks.count == ranks ?? 1
    }
    let all = running.ranks
    let size = try FileManager.default.attributesOfItem(atPath: shard)[.size] as? Int ?? 0
    truncate(shard, Int.random(in: 0...size / 2, using: &random))
    let outcome = try running.wait(atMost: .seconds(60))
    try expect(outcome.code == 1, "ended with \(outcome.code): \(outcome.brief)")
    try expect(outcome.errors.contains("catlm: \(shard): the file was cut short"), "not named: \(outcome.brief)")
    try ProcessTree.requireGone(all)
    bench.remove(copy)
    try FileManager.default.copyItem(atPath: bench.file("data"), toPath: copy)
    let step = try run.requireNewest(atLeast: 5) + 5
    try bench.training(run: run.path, ranks: ranks, overrides + ["train.steps=\(step)"]).succeed()
    _ = try run.requireNewest(atLeast: step)
  }

  /// Other bytes are refused and change nothing; the right ones are taken wherever they are.
  private static func replaceShard(_ bench: Bench, _ reference: RunFolder, _ random: inout TestRandom) throws {
    let copy = try copyData(bench)
    let shard = try shard(in: copy)
    let run = RunFolder(path: try bench.directory("run"))
    let overrides = ["train.steps=12", "checkpoint.interval=2", "checkpoint.keep_last=9"]
    try bench.training(run: run.path, overrides).succeed()
    let step = 2 * Int.random(in: 1...5, using: &random)
    for later in stride(from: step + 2, through: 12, by: 2) { bench.remove(run.checkpoint(later)) }
    let whole = try Data(contentsOf: URL(filePath: shard))
    var bytes = whole
    for _ in 0..<Int.random(in: 1...3, using: &random) {
      // The low byte of an id: all ids are those of bytes still.
      let place = 1024 + 2 * Int.random(in: 0..<(bytes.count - 1024) / 2, using: &random)
      bytes[place] = bytes[place] &+ UInt8.random(in: 1...63, using: &random)
    }
    try bytes.write(to: URL(filePath: shard))
    let before = run.records()
    let moved = overrides + ["data.train=\(copy)"]
    let refused = try bench.training(run: run.path, moved).run()
    try expect(refused.code == 2, "ended with \(refused.code): \(refused.brief)")
    try expect(refused.errors.contains("cannot be continued: data.train (content"), "not named: \(refused.brief)")
    try expect(run.records() == before, "the metrics changed")
    try whole.write(to: URL(filePath: shard))
    try bench.training(run: run.path, moved).succeed()
    try run.requireSame(as: reference, to: 12)
  }
}
