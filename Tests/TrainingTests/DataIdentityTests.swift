import Foundation
import JSON
import Testing
import TokenData

@testable import Training

struct DataIdentityTests {
  private let scratch: Scratch

  init() throws { scratch = try Scratch() }

  /// Shards of so many ids each, drawn from a seed and the shard's number.
  private func write(_ counts: [Int], seed: Int = 1, to directory: String) throws -> [String] {
    try FileManager.default.createDirectory(atPath: scratch.file(directory), withIntermediateDirectories: true)
    return try counts.indices.map { shard in
      let path = scratch.file("\(directory)/text_train_00000\(shard).bin")
      let start = seed * 31 + shard
      let ids = (0..<counts[shard]).map { (n: Int) -> Int32 in Int32(((n + start) * 2_654_435_761 >> 7) & 0xFF) }
      try TokenShardWriter.write(ids, vocabularySize: 256, to: path)
      return path
    }
  }

  private func identity(_ paths: [String]) throws -> DataIdentity {
    let dataset = try TokenDataset(paths: paths, context: 8)
    return try #require(DataIdentity(TokenTrainingData(dataset: dataset, seed: 1, vocabularySize: 256)))
  }

  private func change(_ path: String, at place: Int) throws {
    let file = try FileHandle(forUpdating: URL(filePath: path))
    try file.seek(toOffset: UInt64(place))
    let byte = try #require(try file.read(upToCount: 1)?.first)
    try file.seek(toOffset: UInt64(place))
    try file.write(contentsOf: [byte ^ 1])
    try file.close()
  }

  @Test func `data is the same wherever it is and whatever its files are called`() throws {
    let paths = try write([100, 50], to: "here")
    let moved = [scratch.file("a.bin"), scratch.file("b.bin")]
    for (from, to) in zip(paths, moved) { try FileManager.default.copyItem(atPath: from, toPath: to) }
    let (here, there) = (try identity(paths), try identity(moved))
    #expect(here == there && here.difference(from: there) == nil && here.digest == there.digest)
    #expect(here.shards.map(\.name) == ["text_train_000000.bin", "text_train_000001.bin"])
  }

  @Test func `what is read back is what was written`() throws {
    let identity = try identity(write([100, 50], to: "here"))
    let text = identity.setting.json(pretty: false)
    #expect(DataIdentity(reading: try JSONValue(json: text)) == identity)
    let broken: [JSONValue] = [.null, [], ["a"], [["name": "a", "bytes": 3]], ["name": "a"]]
    for value in broken { #expect(DataIdentity(reading: value) == nil) }
  }

  @Test func `another byte, size, number or order of shards is another data`() throws {
    let paths = try write([100, 50], to: "here")
    let before = try identity(paths)
    let swapped = try #require(try identity(paths.reversed()).difference(from: before))
    #expect(
      swapped.subject == "content of shard 1 of 2" && swapped.found.hasPrefix("text_train_000001.bin (1124 bytes"))
    #expect(try identity([paths[0]]).difference(from: before)?.subject == "number of shards")
    let resized = try identity([paths[0]] + write([100, 51], to: "there").suffix(1))
    #expect(resized.difference(from: before)?.found.contains("(1126 bytes") == true)
    for place in [8, 1024, 1100, 1223] {
      try change(paths[0], at: place)
      // A header that says another number of ids does not open.
      guard let after = try? identity(paths) else { continue }
      #expect(after.difference(from: before)?.subject == "content of shard 1 of 2", "byte \(place)")
      #expect(after.digest != before.digest)
      try change(paths[0], at: place)
      #expect(try identity(paths) == before)
    }
  }

  @Test func `of a long shard the beginning, the end and parts between are looked at`() throws {
    let paths = try write([3_000_000], to: "here")
    let size = 1024 + 2 * 3_000_000
    let before = try identity(paths)
    let interval = (size - 2 * 65536) / 64
    for place in [1024, 65535, 65536, 65536 + 4095, 65536 + 31 * interval + 7, size - 65536, size - 1] {
      try change(paths[0], at: place)
      #expect(try identity(paths) != before, "byte \(place)")
      try change(paths[0], at: place)
    }
    #expect(try identity(paths) == before)
  }

  @Test func `other text is other data, at any length`() throws {
    for count in [20, 2000, 600_000, 2_000_000] {
      let (one, other) = (try write([count], seed: 1, to: "one"), try write([count], seed: 2, to: "other"))
      #expect(try identity(one).difference(from: identity(other)) != nil, "\(count) ids")
    }
  }

  @Test func `data that is made while training has no files to compare`() throws {
    let data = try SmallRun.recall().data.training(seed: 1)
    #expect(DataIdentity(data) == nil)
  }

  @Test func `which source a shard belongs to is part of what the data is`() throws {
    let paths = try write([100, 50, 60], to: "here")
    func identity(_ sources: [[String]]) throws -> DataIdentity {
      let data = try TokenTrainingData(
        sources.map { DataSource(paths: $0) }, key: "data.sources", context: 8, seed: 1, vocabularySize: 256)
      return try #require(DataIdentity(data))
    }
    let before = try identity([[paths[0], paths[1]], [paths[2]]])
    #expect(before.shards.map(\.source) == [0, 0, 1])
    #expect(DataIdentity(reading: try JSONValue(json: before.setting.json(pretty: false))) == before)
    let moved = try identity([[paths[0]], [paths[1], paths[2]]])
    #expect(moved.difference(from: before)?.subject == "content of shard 2 of 3" && moved.digest != before.digest)
    #expect(try identity([[paths[2]], [paths[0], paths[1]]]).difference(from: before) != nil)
    // One source is what data.train would be.
    #expect(try identity([paths]) == self.identity(paths))
  }

  @Test func `the index of a shard is part of what the data is`() throws {
    let data = scratch.file("x.bin")
    try Data((0..<400).map { UInt8($0 % 250) }).write(to: URL(filePath: data))
    func little(_ value: Int, _ count: Int) -> [UInt8] {
      (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
    }
    func identity(type: Int, width: Int) throws -> DataIdentity {
      let head = Array("MMIDIDX\0\0".utf8) + little(1, 8) + [UInt8(type)] + little(1, 8) + little(2, 8)
      let index = head + little(400 / width, 4) + [0, 0, 1].flatMap { little($0, 8) }
      try Data(index).write(to: URL(filePath: scratch.file("x.idx")))
      return try self.identity([data])
    }
    #expect(try identity(type: 1, width: 1) != identity(type: 8, width: 2))
    #expect(try identity(type: 8, width: 2) == identity(type: 8, width: 2))
  }
}
