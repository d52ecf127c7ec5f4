import Checkpoints
import FaultSupport
import Foundation

/// Row 6: the power goes; of what was not made to last, any part may be there.
enum PowerLoss {
  static let checks = [
    FaultCheck(6, "schedules", "power cut: any part of the changes that no fsync made last", fullCount: 2000) { bench in
      let root = try bench.directory("recorded")
      let cut = PowerCut(root: root)
      let committed = try record(root, cut)
      return Attempts { _, random in
        let time = Int.random(in: 0...cut.time, using: &random)
        let state = try bench.directory("state")
        try cut.restore(to: state, at: time, using: &random)
        let store = CheckpointStore(runDirectory: state)
        let found = try store.newestVerified()
        let step = found.checkpoint?.state?.step ?? 0
        let wanted = committed.last { $0.time <= time }?.step ?? 0
        try expect(
          step >= wanted,
          "cut after change \(time) of \(cut.time): step \(step), committed \(wanted): \(found.passedOver)")
        let next = SampleCheckpoint(step: 90)
        try next.write(to: state)
        let newest = try require(try store.newestVerified().checkpoint, "the next save is not found")
        try expect(try next.equals(newest), "the next save is not what was written")
      }
    }
  ]

  /// Saves, replacements and pruning on the recorded disk; from which change on which step is committed.
  private static func record(_ root: String, _ cut: PowerCut) throws -> [(time: Int, step: Int)] {
    let store = CheckpointStore(runDirectory: root, disk: cut.disk)
    var committed: [(time: Int, step: Int)] = []
    for (step, variant) in [(1, 0), (2, 0), (2, 1), (3, 0), (4, 0), (4, 1), (5, 0)] {
      let checkpoint = try SampleCheckpoint(step: step, variant: variant).write(to: root, disk: cut.disk)
      committed.append((cut.time, step))
      try store.prune(keepLast: 2, written: checkpoint)
    }
    return committed
  }
}
