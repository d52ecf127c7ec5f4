import Checkpoints
import FaultSupport
import Foundation
import Testing

struct PowerCutTests {
  @Test func `whatever a power cut leaves, the last checkpoint written or a newer one is found`() throws {
    let run = try Scratch()
    let cut = PowerCut(root: run.path)
    let store = CheckpointStore(runDirectory: run.path, disk: cut.disk)
    var written: [(time: Int, step: Int)] = [(0, 0)]
    for (step, variant) in [(1, 0), (2, 0), (2, 1), (3, 0), (4, 0)] {
      let checkpoint = try SampleCheckpoint(step: step, variant: variant).write(to: run.path, disk: cut.disk)
      written.append((cut.time, step))
      try store.prune(keepLast: 2, written: checkpoint)
    }
    var random = TestRandom(state: 6)
    for _ in 0..<1_000 {
      let time = Int.random(in: 0...cut.time, using: &random)
      let committed = written.last { $0.time <= time }?.step ?? 0
      let state = try Scratch()
      try cut.restore(to: state.path, at: time, using: &random)
      let found = try CheckpointStore(runDirectory: state.path).newestVerified()
      let step = found.checkpoint?.state?.step ?? 0
      #expect(step >= committed, "cut after change \(time) of \(cut.time): \(found.passedOver)")
    }
  }

  @Test func `the states differ from what was running`() throws {
    let run = try Scratch()
    let cut = PowerCut(root: run.path)
    try SampleCheckpoint(step: 1).write(to: run.path, disk: cut.disk)
    var random = TestRandom(state: 7)
    var found = 0
    for time in 0...cut.time {
      let state = try Scratch()
      try cut.restore(to: state.path, at: time, using: &random)
      if try CheckpointStore(runDirectory: state.path).newestVerified().checkpoint != nil { found += 1 }
    }
    #expect(found > 0 && found < cut.time)
  }
}
