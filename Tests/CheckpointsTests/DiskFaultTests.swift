import Checkpoints
import Foundation
import Testing

struct DiskFaultTests {
  /// A run with checkpoints of steps 10 and 20, and what is then done to it.
  enum Scenario: CaseIterable, Sendable {
    case first
    case next
    case rewrite
    case prune

    func prepare(_ run: String) throws {
      if self == .first { return }
      for step in [10, 20] { try SampleCheckpoint(step: step, variant: 1).write(to: run) }
    }

    func perform(_ run: String, _ disk: Disk) throws {
      switch self {
      case .first, .next: try SampleCheckpoint(step: 30, variant: 2).write(to: run, disk: disk)
      case .rewrite: try SampleCheckpoint(step: 20, variant: 2).write(to: run, disk: disk)
      case .prune: try CheckpointStore(runDirectory: run, disk: disk).prune(keepLast: 1)
      }
    }

    /// Steps of the newest checkpoint that may be found after a failure.
    var allowedSteps: Set<Int> {
      switch self {
      case .first: [30]
      case .next: [20, 30]
      case .rewrite, .prune: [20]
      }
    }

    /// How many changes a disk sees when nothing fails.
    func changeCount() throws -> Int {
      let scratch = try Scratch()
      try prepare(scratch.path)
      let log = DiskLog()
      try perform(scratch.path, log.disk())
      return log.count
    }
  }

  private func checkAfterwards(_ scenario: Scenario, _ run: String, _ limit: Int) throws {
    let store = CheckpointStore(runDirectory: run)
    let newest = try store.newestVerified()
    if scenario != .first || newest.checkpoint != nil {
      let step = try #require(newest.checkpoint?.state?.step, "after \(limit) changes")
      #expect(scenario.allowedSteps.contains(step), "after \(limit) changes")
    }
    #expect(newest.passedOver.isEmpty, "after \(limit) changes: \(newest.passedOver)")
    let next = SampleCheckpoint(step: 40)
    try next.write(to: run)
    #expect(try next.equals(try #require(try store.newestVerified().checkpoint)))
    #expect(try names(in: store.directory).allSatisfy { !$0.hasPrefix(".") && !$0.hasSuffix(".replaced") })
  }

  @Test(arguments: Scenario.allCases, [ENOSPC, EIO, EACCES, EROFS])
  func `any one change that fails gives one line, and the old checkpoints stay`(
    scenario: Scenario, code: Int32
  ) throws {
    for limit in 0..<(try scenario.changeCount()) {
      let scratch = try Scratch()
      try scenario.prepare(scratch.path)
      let log = DiskLog()
      let text = try message { try scenario.perform(scratch.path, log.disk(failingAfter: limit, code: code)) }
      #expect(text.contains("failed: \(String(cString: strerror(code))) (errno \(code))"), "\(text)")
      #expect(text.hasPrefix(scratch.path))
      try checkAfterwards(scenario, scratch.path, limit)
    }
  }

  @Test(arguments: Scenario.allCases)
  func `a process that ends at any change leaves a loadable checkpoint`(scenario: Scenario) throws {
    let count = try scenario.changeCount()
    #expect(count > 10)
    for limit in 0..<count {
      let scratch = try Scratch()
      try scenario.prepare(scratch.path)
      let log = DiskLog()
      _ = try message { try scenario.perform(scratch.path, log.disk(failingAfter: limit, forGood: true)) }
      try checkAfterwards(scenario, scratch.path, limit)
    }
  }

  @Test func `a failed write takes its temporary files away`() throws {
    let scratch = try Scratch()
    try SampleCheckpoint(step: 10).write(to: scratch.path)
    let log = DiskLog()
    _ = try message { try SampleCheckpoint(step: 20).write(to: scratch.path, disk: log.disk(failingAfter: 12)) }
    #expect(try names(in: scratch.path + "/checkpoints") == ["latest", "step-00000010"])
  }

  @Test func `a configuration is replaced whole or not at all`() throws {
    let scratch = try Scratch()
    try RunDirectory(path: scratch.path).writeConfiguration("old")
    for limit in 0..<5 {
      let log = DiskLog()
      let run = try RunDirectory(path: scratch.path, disk: log.disk(failingAfter: limit, forGood: true))
      _ = try message { try run.writeConfiguration("new") }
      let found = String(decoding: try bytes(of: run.configurationPath), as: UTF8.self)
      #expect(found == "old", "after \(limit) changes")
    }
  }
}
