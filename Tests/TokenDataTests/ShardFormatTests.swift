import Foundation
import Testing

@testable import TokenData

/// Shards of formats other than our own.
@Suite struct ShardFormatTests {
  @Test(arguments: ["<u2", "<i4", "<u4", "<i8"]) func `npy files of every width are read`(descr: String) throws {
    let scratch = try Scratch()
    let ids: [Int32] = [0, 7, 65_535, 3]
    let body: [UInt8] =
      switch descr {
      case "<u2": littleEndian(ids.map(UInt16.init))
      case "<i4": littleEndian(ids)
      case "<u4": littleEndian(ids.map(UInt32.init))
      default: littleEndian(ids.map(Int64.init))
      }
    let head = numpyFile(header: "{'descr': '\(descr)', 'fortran_order': False, 'shape': (4,), }", ids: [])
    let shard = try TokenShard(path: scratch.write(head + body, "a.npy"))
    #expect(shard.ids(0..<4) == ids && shard.ids(1..<3) == [7, 65_535])
    #expect(shard.idRange() == 0...65_535 && shard.format == .numpy)
    let start = head.count + 2 * shard.idType.byteCount
    let error = #expect(throws: TokenError.self) { try shard.requireIDs(below: 65_535) }
    #expect(error?.found == "id 65535 at position 2 (byte \(start))")
  }

  @Test func `ids that no vocabulary has stay outside, and are named as they are`() throws {
    let scratch = try Scratch()
    let head = numpyFile(header: "{'descr': '<i8', 'fortran_order': False, 'shape': (3,), }", ids: [])
    let large = try TokenShard(path: scratch.write(head + littleEndian([5, 1 << 40, Int64.min]), "a.npy"))
    #expect(large.ids(0..<3) == [5, .max, .min] && large.idRange() == Int.min...1 << 40)
    let error = #expect(throws: TokenError.self) { try large.requireIDs(below: 50_257) }
    #expect(error?.found == "id \(1 << 40) at position 1 (byte \(head.count + 8))")
    let negative = try TokenShard(path: scratch.write(head + littleEndian([5, 6, Int64(-100)]), "b.npy"))
    #expect(throws: TokenError.self) { try negative.requireIDs(below: 1 << 40) }
  }

  // MARK: nanoGPT

  @Test func `files without a header are read where the user says so`() throws {
    let scratch = try Scratch()
    let ids = (0..<500).map { UInt16($0 * 100) }
    let path = try scratch.write(littleEndian(ids), "train.bin")
    let shard = try TokenShard(path: path, format: .nanogpt)
    #expect(shard.ids(0..<500) == ids.map(Int32.init) && shard.format == .nanogpt && shard.byteCount == 1000)
    let refusal = #expect(throws: TokenError.self) { try TokenShard(path: path) }
    #expect(refusal?.description.contains("data.format: nanogpt") == true, "\(String(describing: refusal))")
    #expect(try TokenShard(path: scratch.write([], "empty.bin"), format: .nanogpt).idRange() == nil)
  }

  @Test func `half an id, and files that say what they are, are not without a header`() throws {
    let scratch = try Scratch()
    for (bytes, part) in [
      ([1, 0, 2], "found 3 bytes; allowed: an even number"), (numpyFile(ids: [1]), "found a header of NumPy"),
      (BinHeader.bytes(idByteCount: 4, count: 0), "found a header of llm.c"),
    ] {
      let path = try scratch.write(bytes, "a.bin")
      let error = #expect(throws: TokenError.self) { try TokenShard(path: path, format: .nanogpt) }
      #expect(error?.description.contains(part) == true, "\(String(describing: error))")
    }
  }

  // MARK: Megatron

  @Test(arguments: [1, 4, 5, 8] as [UInt8]) func `data of Megatron is read by its index`(type: UInt8) throws {
    let scratch = try Scratch()
    let ids: [Int32] = [9, 8, 7, 6, 5, 250]
    let body: [UInt8] =
      switch type {
      case 1: ids.map { UInt8($0) }
      case 4: littleEndian(ids)
      case 5: littleEndian(ids.map(Int64.init))
      default: littleEndian(ids.map(UInt16.init))
      }
    let width = body.count / ids.count
    try scratch.write(body, "x.bin")
    try scratch.write(
      megatronIndex(type: type, width: width, lengths: [2, 0, 3, 1], documents: [0, 1, 3, 4]), "x.idx")
    for name in ["x", "x.bin", "x.idx", "*.bin", "x*", ""] {
      #expect(try ShardPaths.expand([name.isEmpty ? scratch.path : scratch.file(name)]) == [scratch.file("x.bin")])
    }
    let shard = try TokenShard(path: scratch.file("x.bin"))
    #expect(shard.format == .megatron && shard.ids(0..<6) == ids && shard.idRange() == 5...250)
    let documents = try #require(try shard.documents())
    #expect((0..<documents.count).map { documents[$0] } == [0, 2, 5])
    #expect((0...7).map(documents.first) == [0, 1, 1, 2, 2, 2, 3, 3])
    let error = #expect(throws: TokenError.self) { try shard.requireIDs(below: 250) }
    #expect(error?.found == "id 250 at position 5 (byte \(5 * width))")
  }

  @Test func `an index that contradicts itself or its data is refused in one line`() throws {
    let scratch = try Scratch()
    let good = megatronIndex(type: 8, width: 2, lengths: [2, 1], documents: [0, 1, 2])
    func changed(_ place: Int, _ bytes: [UInt8]) -> [UInt8] {
      Array(good[..<place]) + bytes + Array(good[(place + bytes.count)...])
    }
    let cases: [(bytes: [UInt8], part: String)] = [
      (Array(good[..<30]), "found 30 bytes; allowed: a header of 34 bytes"),
      (changed(9, [2]), "found version 2; allowed: version 1"), (changed(17, [3]), "found ids of type 3; allowed: 1 ("),
      (changed(18, [3]), "12 for each of 3 sequences"), (changed(25, [0x80]), "found 82 bytes"),
      (Array(good.dropLast()), "found 81 bytes; allowed: 34 bytes"), (good + [0], "found 83 bytes"),
      (changed(37, [0x80]), "found -2147483646 ids in sequence 0"),
      (changed(50, [2]), "found byte 2 as the beginning of sequence 1; allowed: 4"),
      (changed(58, [1]), "found sequence 1 as the first of document 0; allowed: 0"),
      (changed(66, [3]), "found sequence 3 as the first of document 1; allowed: 0...2"),
      (changed(74, [1]), "found 1 sequences in all documents; allowed: 2"),
      (changed(34, [1]), "found byte 4 as the beginning of sequence 1; allowed: 2"),
      (changed(38, [2]), "found 6 bytes; allowed: 8 bytes, for "),
    ]
    let path = try scratch.write(littleEndian([1, 2, 3] as [UInt16]), "x.bin")
    for (bytes, part) in cases {
      try scratch.write(bytes, "x.idx")
      let error = #expect(throws: TokenError.self, "\(part)") { try TokenShard(path: path) }
      #expect(
        error?.description.contains(part) == true && error?.description.contains("\n") == false,
        "\(part): \(error as Any)")
    }
    try scratch.write(good, "x.idx")
    #expect(try TokenShard(path: path).count == 3)
    try scratch.write(littleEndian([1, 2, 3, 4] as [UInt16]), "x.bin")
    #expect(throws: TokenError.self) { try TokenShard(path: path) }
  }

  @Test func `mutated indices are refused or read inside their bounds`() throws {
    let scratch = try Scratch()
    var generator = SystemRandom(seed: 5)
    let path = try scratch.write(littleEndian(Array(0..<40 as Range<UInt16>)), "x.bin")
    let good = megatronIndex(type: 8, width: 2, lengths: [7, 0, 13, 20], documents: [0, 2, 4])
    for _ in 0..<2000 {
      var bytes = good
      for _ in 0...generator.below(2) { bytes[generator.below(bytes.count)] = UInt8(generator.below(256)) }
      if generator.below(8) == 0 { bytes.removeLast(generator.below(bytes.count)) }
      try scratch.write(bytes, "x.idx")
      guard let shard = try? TokenShard(path: path) else { continue }
      #expect(shard.ids(0..<shard.count).count <= 80)
      if let documents = try shard.documents() {
        for document in 0..<documents.count { #expect((0...shard.count).contains(documents[document])) }
      }
    }
  }

  // MARK: Documents

  @Test func `documents are read back as they were written`() throws {
    let scratch = try Scratch()
    let path = try scratch.write(
      BinHeader.bytes(idByteCount: 2, count: 3) + littleEndian([1, 2, 3] as [UInt16]), "a.bin")
    let shard = try TokenShard(path: path)
    #expect(try shard.documents() == nil)
    try DocumentIndex.write([0, 2, 2], besideShard: path)
    let documents = try #require(try shard.documents())
    #expect((0..<documents.count).map { documents[$0] } == [0, 2, 2])
    for (starts, part) in [
      ([0, 4], "document 1 at id 4; allowed: 0...3"), ([2, 1], "document 1 at id 1; allowed: 2...3"),
      ([-1], "document 0 at id -1"),
    ] {
      try DocumentIndex.write(starts, besideShard: path)
      let error = #expect(throws: TokenError.self) { try shard.documents() }
      #expect(error?.description.contains(part) == true, "\(error as Any)")
    }
    for bytes in [[1, 2], numpyFile(ids: [1])] {
      try scratch.write(bytes, "a.documents")
      #expect(throws: TokenError.self) { try shard.documents() }
    }
  }

  @Test func `a directory of nanoGPT has a part for training and one for validation`() throws {
    let scratch = try Scratch()
    for name in ["train.bin", "val.bin"] { try scratch.write([1, 0, 2, 0], name) }
    try scratch.write([1], "meta.pkl")
    #expect(try ShardPaths.expand([scratch.path], split: .training) == [scratch.file("train.bin")])
    #expect(try ShardPaths.expand([scratch.path], split: .validation) == [scratch.file("val.bin")])
    #expect(try ShardPaths.expand([scratch.path]).count == 2)
  }

  @Test func `a pattern leaves out the files that say where documents begin`() throws {
    let scratch = try Scratch()
    for name in ["x_train_0.bin", "x_train_0.documents"] { try scratch.write([1], name) }
    #expect(try ShardPaths.expand([scratch.file("x_train_*")]) == [scratch.file("x_train_0.bin")])
    let error = #expect(throws: TokenError.self) { try ShardPaths.expand([scratch.file("*.documents")]) }
    #expect(error?.found == "1 files that only say where documents begin")
  }
}

/// The bytes of an index of Megatron whose sequences lie one behind the other.
func megatronIndex(type: UInt8, width: Int, lengths: [Int], documents: [Int]) -> [UInt8] {
  var (places, end): ([Int64], Int64) = ([], 0)
  for length in lengths {
    places.append(end)
    end += Int64(length * width)
  }
  return MegatronIndex.magic + littleEndian([UInt64(1)]) + [type]
    + littleEndian([UInt64(lengths.count), UInt64(documents.count)]) + littleEndian(lengths.map { Int32($0) })
    + littleEndian(places) + littleEndian(documents.map { Int64($0) })
}

/// Small random numbers from a seed.
struct SystemRandom {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func below(_ bound: Int) -> Int {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return Int((state >> 33) % UInt64(bound))
  }
}
