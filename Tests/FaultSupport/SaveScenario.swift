package import Checkpoints

/// A run with checkpoints of steps 10 and 20, and what is then done to it.
package enum SaveScenario: String, CaseIterable, Sendable {
  case first
  case next
  case rewrite
  case prune

  package func prepare(_ run: String) throws {
    if self == .first { return }
    for step in [10, 20] { try SampleCheckpoint(step: step, variant: 1).write(to: run) }
  }

  package func perform(_ run: String, _ disk: Disk) throws {
    switch self {
    case .first, .next: try SampleCheckpoint(step: 30, variant: 2).write(to: run, disk: disk)
    case .rewrite: try SampleCheckpoint(step: 20, variant: 2).write(to: run, disk: disk)
    case .prune: try CheckpointStore(runDirectory: run, disk: disk).prune(keepLast: 1)
    }
  }

  /// Steps of the newest checkpoint that may be found after a failure.
  package var allowedSteps: Set<Int> {
    switch self {
    case .first: [30]
    case .next: [20, 30]
    case .rewrite, .prune: [20]
    }
  }

  /// How many changes a disk sees when nothing fails.
  package func changeCount() throws -> Int {
    let scratch = try Scratch()
    try prepare(scratch.path)
    let log = DiskLog()
    try perform(scratch.path, log.disk())
    return log.count
  }
}
