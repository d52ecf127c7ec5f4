import Checkpoints
import FaultSupport
import Foundation
import Testing

struct CheckpointStoreTests {
  @Test func `a run without checkpoints has none, which is no error`() throws {
    let scratch = try Scratch()
    let store = CheckpointStore(runDirectory: scratch.path)
    let newest = try store.newestVerified()
    #expect(newest.checkpoint == nil && newest.passedOver.isEmpty)
    #expect(try store.list().isEmpty)
    #expect(try store.prune(keepLast: 1).isEmpty)
  }

  @Test func `the newest that verifies is taken, and says why newer ones were passed over`() throws {
    let scratch = try Scratch()
    let store = CheckpointStore(runDirectory: scratch.path)
    for step in [5, 10, 15, 20] { try SampleCheckpoint(step: step).write(to: scratch.path) }
    try FileManager.default.removeItem(atPath: store.directory + "/step-00000020/manifest.json")
    let shard = store.directory + "/step-00000015/optimizer-00001-of-00002.safetensors"
    var damaged = try bytes(of: shard)
    damaged[damaged.count - 1] ^= 1
    try overwrite(shard, damaged)
    let newest = try store.newestVerified()
    #expect(try SampleCheckpoint(step: 10).equals(try #require(newest.checkpoint)))
    #expect(newest.passedOver.map(\.path) == ["\(store.directory)/step-00000020", "\(store.directory)/step-00000015"])
    #expect(newest.passedOver[0].reason.hasSuffix("step-00000020/manifest.json: the file is missing"))
    #expect(newest.passedOver[1].reason.hasPrefix("\(shard): SHA-256: found "))
  }

  @Test func `if none verifies all are named`() throws {
    let scratch = try Scratch()
    let written = try SampleCheckpoint(step: 5).write(to: scratch.path)
    try FileManager.default.removeItem(atPath: written.path + "/config.json")
    let newest = try CheckpointStore(runDirectory: scratch.path).newestVerified()
    #expect(newest.checkpoint == nil)
    #expect(newest.passedOver.map(\.path) == [written.path])
  }

  @Test func `other names are no checkpoints`() throws {
    let scratch = try Scratch()
    let store = CheckpointStore(runDirectory: scratch.path)
    try SampleCheckpoint(step: 5).write(to: scratch.path)
    for name in ["step-6", "step-+0000007", "step--0000007", "xstep-00000008", "step-00000009.old", "step-0000001x"] {
      try FileManager.default.createDirectory(atPath: store.directory + "/" + name, withIntermediateDirectories: false)
    }
    #expect(try store.list().map(\.step) == [5])
    try SampleCheckpoint(step: 123_456_789).write(to: scratch.path)
    #expect(try store.list().map(\.step) == [123_456_789, 5])
  }

  @Test func `writing a step again takes the old one's place`() throws {
    let scratch = try Scratch()
    let store = CheckpointStore(runDirectory: scratch.path)
    try SampleCheckpoint(step: 5, variant: 1).write(to: scratch.path)
    try SampleCheckpoint(step: 5, variant: 2).write(to: scratch.path)
    #expect(try names(in: store.directory) == ["latest", "step-00000005"])
    let newest = try #require(try store.newestVerified().checkpoint)
    #expect(try SampleCheckpoint(step: 5, variant: 2).equals(newest))
  }

  @Test func `what dead writers left is removed and reported, what a live one writes is not touched`() throws {
    let scratch = try Scratch()
    let store = CheckpointStore(runDirectory: scratch.path)
    try SampleCheckpoint(step: 5).write(to: scratch.path)
    let ours = ".step-00000006.writing-\(ProcessInfo.processInfo.processIdentifier)"
    // No process has a number this large; process 1 is always there.
    let (dead, removing, alive) = (
      ".step-00000006.writing-2147483647", ".step-00000001.removing-2147483647", ".step-00000006.writing-1"
    )
    for name in [ours, dead, removing, alive] {
      let path = store.directory + "/" + name
      try FileManager.default.createDirectory(atPath: path + "/deep", withIntermediateDirectories: true)
      try overwrite(path + "/deep/model-00001-of-00001.safetensors", [1])
    }
    let written = try SampleCheckpoint(step: 6).write(to: scratch.path)
    #expect(try names(in: store.directory) == [alive, "latest", "step-00000005", "step-00000006"])
    #expect(written.cleanedUp.count == 3)
    #expect(written.cleanedUp.contains { $0.contains(dead) && $0.hasSuffix("left by process 2147483647") })
  }

  @Test(arguments: [true, false])
  func `a replacement that stopped half-way is settled`(newIsWhole: Bool) throws {
    let scratch = try Scratch()
    let store = CheckpointStore(runDirectory: scratch.path)
    let target = try SampleCheckpoint(step: 5, variant: 1).write(to: scratch.path).path
    try FileManager.default.moveItem(atPath: target, toPath: target + ".replaced")
    #expect(try SampleCheckpoint(step: 5, variant: 1).equals(try #require(try store.newestVerified().checkpoint)))
    try FileManager.default.copyItem(atPath: target + ".replaced", toPath: target)
    if !newIsWhole { try FileManager.default.removeItem(atPath: target + "/config.json") }
    let newest = try store.newestVerified()
    #expect(newest.checkpoint?.path == (newIsWhole ? target : target + ".replaced"))
    #expect(newest.passedOver.count == (newIsWhole ? 0 : 1))
    let written = try SampleCheckpoint(step: 9).write(to: scratch.path)
    #expect(written.cleanedUp.count == 1)
    #expect(try names(in: store.directory) == ["latest", "step-00000005", "step-00000009"])
    _ = try CheckpointDirectory(verifying: target)
  }

  @Test(
    arguments: [
      (1, nil, [60]), (2, nil, [50, 60]), (1, 20, [20, 40, 60]), (0, 30, [30, 60]), (9, nil, [10, 20, 30, 40, 50, 60]),
      (0, nil, [60]),
    ] as [(Int, Int?, [Int])])
  func `pruning keeps the last and every so many`(keepLast: Int, keepEvery: Int?, expected: [Int]) throws {
    let scratch = try Scratch()
    let store = CheckpointStore(runDirectory: scratch.path)
    for step in stride(from: 10, through: 60, by: 10) { try SampleCheckpoint(step: step).write(to: scratch.path) }
    let removed = try store.prune(keepLast: keepLast, keepEvery: keepEvery)
    #expect(try store.list().map(\.step).sorted() == expected)
    #expect(removed.count == 6 - expected.count)
    #expect(try names(in: store.directory).count == expected.count + 1)
  }

  @Test func `pruning never removes the newest that verifies`() throws {
    let scratch = try Scratch()
    let store = CheckpointStore(runDirectory: scratch.path)
    for step in [1, 2, 3, 4] { try SampleCheckpoint(step: step).write(to: scratch.path) }
    for step in [3, 4] {
      try FileManager.default.removeItem(atPath: store.directory + "/step-0000000\(step)/config.json")
    }
    try store.prune(keepLast: 1)
    #expect(try store.list().map(\.step) == [4, 3, 2])
    try FileManager.default.removeItem(atPath: store.directory + "/step-00000002/config.json")
    #expect(try store.prune(keepLast: 0).isEmpty)
    #expect(try store.list().map(\.step) == [4, 3, 2])
  }

  private static let damagedAndLeft: [(damaged: [Int], left: [Int])] = [
    ([6, 7], [8, 7, 6, 5]), ([7, 8], [8, 7, 6, 5]), ([5, 6], [8, 7]), ([1, 2], [8, 7]),
    ([3, 4, 5, 6, 7], [8, 7, 6, 5, 4, 3, 2]),
  ]

  @Test(arguments: damagedAndLeft)
  func `damaged checkpoints do not count among those that are kept`(damaged: [Int], left: [Int]) throws {
    let scratch = try Scratch()
    let store = CheckpointStore(runDirectory: scratch.path)
    for step in 1...8 { try SampleCheckpoint(step: step).write(to: scratch.path) }
    for step in damaged { try damage(store, step) }
    try store.prune(keepLast: 2)
    #expect(try store.list().map(\.step) == left)
  }

  @Test(
    arguments: [
      ([], 1, nil, [6]), ([], 2, nil, [6, 5]), ([6], 1, nil, [5]), ([5, 6], 2, nil, [4, 3]), ([6], 1, 2, [6, 5, 4, 2]),
      ([1, 2, 3, 4, 5, 6], 1, nil, [6, 5, 4, 3, 2, 1]),
    ] as [([Int], Int, Int?, [Int])])
  func `room is made by all but the newest intact checkpoints`(
    damaged: [Int], keepLast: Int, keepEvery: Int?, left: [Int]
  ) throws {
    let scratch = try Scratch()
    let store = CheckpointStore(runDirectory: scratch.path)
    for step in 1...6 { try SampleCheckpoint(step: step).write(to: scratch.path) }
    for step in damaged { try damage(store, step) }
    var verified = VerifiedCheckpoints()
    let removed = try store.makeRoom(keepLast: keepLast, keepEvery: keepEvery, verified: &verified)
    #expect(try store.list().map(\.step) == left)
    #expect(removed.count == 6 - left.count)
  }

  /// Turns a bit in a checkpoint's last shard, so that nothing but reading it finds the damage.
  private func damage(_ store: CheckpointStore, _ step: Int) throws {
    let shard = store.directory + "/step-0000000\(step)/optimizer-00001-of-00002.safetensors"
    var content = try bytes(of: shard)
    content[content.count - 1] ^= 1
    try overwrite(shard, content)
  }

  @Test func `a checkpoint just written counts as verified only while its manifest and sizes are as written`() throws {
    let scratch = try Scratch()
    let store = CheckpointStore(runDirectory: scratch.path)
    try SampleCheckpoint(step: 1).write(to: scratch.path)
    let written = try SampleCheckpoint(step: 2).write(to: scratch.path)
    try overwrite(written.path + "/tokenizer.model", [])
    try store.prune(keepLast: 1, written: written)
    #expect(try store.list().map(\.step) == [2, 1])
    let rewritten = try SampleCheckpoint(step: 2).write(to: scratch.path)
    try store.prune(keepLast: 1, written: rewritten)
    #expect(try store.list().map(\.step) == [2])
  }

  @Test func `a checkpoint that is being read stays until it is closed`() throws {
    let scratch = try Scratch()
    let store = CheckpointStore(runDirectory: scratch.path)
    for step in [1, 2, 3] { try SampleCheckpoint(step: step).write(to: scratch.path) }
    do {
      let reader = try CheckpointDirectory(verifying: store.directory + "/step-00000001")
      let other = try CheckpointDirectory(verifying: store.directory + "/step-00000001")
      #expect(try store.prune(keepLast: 1) == [store.directory + "/step-00000002"])
      #expect(try SampleCheckpoint(step: 1).equals(reader) && SampleCheckpoint(step: 1).equals(other))
    }
    #expect(try store.prune(keepLast: 1) == [store.directory + "/step-00000001"])
    #expect(try store.list().map(\.step) == [3])
  }

  @Test func `a checkpoint that is written again while it is read goes on being read`() throws {
    let scratch = try Scratch()
    let store = CheckpointStore(runDirectory: scratch.path)
    let path = try SampleCheckpoint(step: 5, variant: 1).write(to: scratch.path).path
    do {
      let reader = try CheckpointDirectory(verifying: path)
      try SampleCheckpoint(step: 5, variant: 2).write(to: scratch.path)
      #expect(try SampleCheckpoint(step: 5, variant: 1).equals(reader))
      #expect(try SampleCheckpoint(step: 5, variant: 2).equals(try #require(try store.newestVerified().checkpoint)))
      try SampleCheckpoint(step: 6).write(to: scratch.path)
      #expect(try names(in: store.directory).contains("step-00000005.replaced"))
    }
    try SampleCheckpoint(step: 7).write(to: scratch.path)
    #expect(try names(in: store.directory) == ["latest", "step-00000005", "step-00000006", "step-00000007"])
  }

  @Test func `a checkpoint that another process verified must be the same and of the recorded sizes`() throws {
    let scratch = try Scratch()
    let written = try SampleCheckpoint(step: 5).write(to: scratch.path)
    #expect(
      try SampleCheckpoint(step: 5).equals(CheckpointDirectory(verifiedElsewhere: written.path, digest: written.digest))
    )
    let other = String(repeating: "0", count: 64)
    let text = try message { _ = try CheckpointDirectory(verifiedElsewhere: written.path, digest: other) }
    #expect(text.contains("manifest.json: digest: found \(written.digest), the manifest has \(other)"), "\(text)")
    try overwrite(written.path + "/tokenizer.model", [1])
    let size = try message { _ = try CheckpointDirectory(verifiedElsewhere: written.path, digest: written.digest) }
    #expect(size.contains("tokenizer.model: size"), "\(size)")
  }
}
