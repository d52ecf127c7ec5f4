import Checkpoints
import FaultSupport
import Foundation
import Testing

struct DiskFaultTests {
  private func checkAfterwards(_ scenario: SaveScenario, _ run: String, _ limit: Int) throws {
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

  @Test(arguments: SaveScenario.allCases, [ENOSPC, EIO, EACCES, EROFS])
  func `any one change that fails gives one line, and the old checkpoints stay`(
    scenario: SaveScenario, code: Int32
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

  @Test(arguments: SaveScenario.allCases)
  func `a process that ends at any change leaves a loadable checkpoint`(scenario: SaveScenario) throws {
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
