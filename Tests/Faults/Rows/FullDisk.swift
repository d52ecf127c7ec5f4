import FaultSupport
import Foundation
import JSON

/// Row 7, a disk without room: for one checkpoint more than are kept, or for a line of metrics.
enum FullDisk {
  static let checks = [
    FaultCheck(7, "room", "room for checkpoint.keep_last checkpoints, but not for one more", fullCount: 40) { bench in
      try requireRoot()
      let reference = try FailingDisk.uninterrupted(bench)
      let bytes = try diskBytes(reference.checkpoint(12))
      return Attempts { index, random in try keepRoom(bench, reference, bytes, index, &random) }
    },
    FaultCheck(7, "metrics", "the disk of metrics.jsonl alone fills up, and is emptied", fullCount: 20) { bench in
      try requireRoot()
      return Attempts { index, random in try fillMetrics(bench, index, &random) }
    },
  ]

  private static func requireRoot() throws {
    guard getuid() == 0 else { throw NotPossible("needs root, to mount file systems") }
  }

  /// What a directory takes of a tmpfs, in whole pages.
  private static func diskBytes(_ path: String) throws -> Int {
    let names = try FileManager.default.contentsOfDirectory(atPath: path)
    return try names.reduce(0) { sum, name in
      let size = try FileManager.default.attributesOfItem(atPath: path + "/" + name)[.size] as? Int ?? 0
      return sum + (size + 4095) / 4096 * 4096
    }
  }

  /// Every checkpoint is written, and the last one is there.
  private static func keepRoom(
    _ bench: Bench, _ reference: RunFolder, _ bytes: Int, _ index: Int, _ random: inout TestRandom
  ) throws {
    let place = try bench.directory("disk")
    let keepLast = 2 + index % 2
    // Beside checkpoints there are metrics, configuration and lock: some pages.
    let size = keepLast * bytes + Int.random(in: 65_536..<bytes - 16_384, using: &random)
    let mount = try Mount(["-t", "tmpfs", "-o", "size=\(size / 4096 * 4096)", "tmpfs"], at: place)
    let run = RunFolder(path: place + "/run")
    let modes = Bench.checkpointModes
    let choice = FailingDisk.overrides + ["checkpoint.keep_last=\(keepLast)"] + modes[index / 2 % modes.count]
    let outcome = try bench.training(run: run.path, choice).run()
    let what = "\(keepLast) checkpoints of \(bytes) on \(size) bytes"
    try expect(outcome.code == 0, "\(what): ended with \(outcome.code): \(outcome.brief)")
    try expect(!outcome.errors.contains("checkpoint not written"), "\(what): \(outcome.brief)")
    try expect(outcome.errors.contains("older checkpoints were removed to make room"), "\(what): not said")
    try run.requireSame(as: reference, to: 12)
    try mount.end()
  }

  /// The run goes on without its metrics, and they go on whole when there is room.
  private static func fillMetrics(_ bench: Bench, _ index: Int, _ random: inout TestRandom) throws {
    let place = try bench.directory("disk")
    let mount = try Mount(["-t", "tmpfs", "-o", "size=1m", "tmpfs"], at: place)
    let run = RunFolder(path: place + "/run")
    let elsewhere = try bench.directory("elsewhere")
    try FileManager.default.createDirectory(atPath: run.path, withIntermediateDirectories: false)
    try FileManager.default.createSymbolicLink(
      atPath: run.path + "/checkpoints", withDestinationPath: elsewhere)
    let endless = ["train.steps=1000000", "checkpoint.interval=20", "checkpoint.on_failure=continue"]
    let running = try bench.training(run: run.path, endless).start()
    let records = Int.random(in: 3...60, using: &random)
    try running.wait { run.recordCount >= records }
    let filler = place + "/filler"
    _ = try? System.run("dd", ["if=/dev/zero", "of=\(filler)", "bs=\(Int.random(in: 1...4096, using: &random))"])
    try running.wait { running.text("errors").contains("metrics cannot be written") }
    let step = try require(run.newestNamedStep ?? 0, "")
    try running.wait { (run.newestNamedStep ?? 0) >= step + 40 }
    try FileManager.default.removeItem(atPath: filler)
    try running.wait { running.text("errors").contains("metrics are written again") }
    running.send(SIGTERM)
    let outcome = try running.wait()
    try expect(outcome.code == 0, "ended with \(outcome.code): \(outcome.brief)")
    let steps = run.records().compactMap { $0["step"]?.integerValue }
    try expect(steps == Array(1...max(1, steps.count)), "steps of the metrics: \(steps.count), last \(steps.last ?? 0)")
    let saved = try run.requireNewest(atLeast: step + 40)
    try expect(saved == steps.last, "saved step \(saved), the last record is of step \(steps.last ?? 0)")
    try mount.end()
  }
}
