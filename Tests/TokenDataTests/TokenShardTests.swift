import Foundation
import Testing

@testable import TokenData

@Suite struct TokenShardTests {
  @Test(arguments: [(256, 0), (256, 1), (256, 1000), (65536, 777), (65537, 777), (200_000, 3)])
  func `ids come back as they were written`(vocabularySize: Int, count: Int) throws {
    let scratch = try Scratch()
    let ids = (0..<count).map { Int32($0 * 7919 % vocabularySize) }
    try TokenShardWriter.write(ids, vocabularySize: vocabularySize, to: scratch.file("a.bin"))
    let shard = try TokenShard(path: scratch.file("a.bin"))
    #expect(shard.count == count)
    #expect(shard.ids(0..<count) == ids)
    #expect(shard.idRange()?.upperBound == ids.max().map(Int.init))
    if count > 2 { #expect(shard.ids(1..<count - 1) == Array(ids[1..<count - 1])) }
    #expect(try scratch.names == ["a.bin"])
  }

  @Test func `the bytes are those of llm.c`() throws {
    let scratch = try Scratch()
    try TokenShardWriter.write([1, 2, 50256], vocabularySize: 50257, to: scratch.file("a.bin"))
    var header = [Int32](repeating: 0, count: 256)
    header[0...2] = [20_240_520, 1, 3]
    let narrow = try Data(contentsOf: URL(filePath: scratch.file("a.bin")))
    #expect(Array(narrow) == littleEndian(header) + littleEndian([UInt16(1), 2, 50256]))
    try TokenShardWriter.write([1, 128_000], vocabularySize: 128_256, to: scratch.file("b.bin"))
    header[0...2] = [20_240_801, 7, 2]
    let wide = try Data(contentsOf: URL(filePath: scratch.file("b.bin")))
    #expect(Array(wide) == littleEndian(header) + littleEndian([UInt32(1), 128_000]))
  }

  @Test(arguments: [1, 2, 3] as [UInt8]) func `npy files of every version are read`(version: UInt8) throws {
    let scratch = try Scratch()
    let ids = (0..<1000).map { UInt16(truncatingIfNeeded: $0 * 131) }
    let shard = try TokenShard(path: scratch.write(numpyFile(version: version, ids: ids), "a.npy"))
    #expect(shard.ids(0..<1000) == ids.map(Int32.init))
    #expect(shard.idRange()?.upperBound == ids.max().map(Int.init))
  }

  @Test func `npy headers of other writers are read`() throws {
    let scratch = try Scratch()
    let header = "{\"shape\":(2,),\"fortran_order\":False,\"descr\":\"<u2\"}".replacing("\"<u2\"", with: "'<u2'")
    #expect(try TokenShard(path: scratch.write(numpyFile(header: header, ids: [5, 6]), "a.npy")).ids(0..<2) == [5, 6])
  }

  @Test func `an id beyond any vocabulary stays beyond`() throws {
    let scratch = try Scratch()
    let bytes = BinHeader.bytes(idByteCount: 4, count: 2) + littleEndian([UInt32.max, 3])
    let shard = try TokenShard(path: scratch.write(bytes, "a.bin"))
    #expect(shard.ids(0..<2) == [.max, 3])
    #expect(shard.idRange() == 3...Int(UInt32.max))
    let error = #expect(throws: TokenError.self) { try shard.requireIDs(below: 50257) }
    #expect(
      error?.description
        == "\(shard.path): found id 4294967295 at position 0 (byte 1024); allowed: 0..<50257, the vocabulary")
    try shard.requireIDs(below: 1 << 33)
  }

  static func header(_ numbers: Int32...) -> [UInt8] {
    littleEndian(numbers + Array(repeating: 0, count: 256 - numbers.count))
  }

  struct Malformed: Sendable {
    let name: String
    let bytes: [UInt8]
    let part: String

    init(_ name: String, _ bytes: [UInt8], _ part: String) {
      self.name = name
      self.bytes = bytes
      self.part = part
    }
  }

  static let numpyMagic: [UInt8] = [0x93] + Array("NUMPY".utf8)

  static let malformedBins: [Malformed] = [
    Malformed("empty", [], "found 0 bytes; allowed: a header of 1024 bytes"),
    Malformed(
      "short header", Array(header(20_240_520, 1, 0).dropLast()), "found 1023 bytes; allowed: a header of 1024 bytes"),
    Malformed("magic", header(20_240_521, 1, 0), "found magic number 20240521; allowed: 20240520, 20240801, .npy"),
    Malformed("narrow version", header(20_240_520, 2, 0), "found version 2; allowed: version 1"),
    Malformed("wide version", header(20_240_801, 1, 0), "found version 1; allowed: version 7"),
    Malformed("negative count", header(20_240_520, 1, -1), "found -1 ids; allowed: 0...2147483647"),
    Malformed("short", header(20_240_520, 1, 2) + [1, 0, 2], "found 1027 bytes; allowed: 1028 bytes"),
    Malformed("long", header(20_240_520, 1, 1) + [1, 0, 2], "found 1027 bytes; allowed: 1026 bytes"),
    Malformed("wide as narrow", header(20_240_801, 7, 2) + [1, 0, 2, 0], "found 1028 bytes; allowed: 1032 bytes"),
  ]

  static let malformedNumpys: [Malformed] = [
    Malformed("npy alone", numpyMagic, "found .npy version 0; allowed: version 1, 2 or 3"),
    Malformed("npy version", numpyFile(version: 4, ids: [1]), "found .npy version 4; allowed: version 1, 2 or 3"),
    Malformed("npy no length", numpyMagic + [1, 0, 5], "found 9 bytes; allowed: a whole .npy header"),
    Malformed("npy short header", Array(numpyFile(ids: []).dropLast()), "found a header of"),
    Malformed("npy long header", numpyMagic + [2, 0, 255, 255, 255, 255], "found a header of 4294967295 bytes"),
    Malformed("npy not text", Array(numpyFile(ids: []).dropLast()) + [0xFF], "found a header of"),
    Malformed("npy not a dictionary", numpyFile(header: "[1, 2]", ids: []), "found header [1, 2]"),
    Malformed("npy descr", numpyFile(descr: "<f8", ids: [1]), "found descr '<f8'; allowed: '<u2', '<i4', '<u4', '<i8'"),
    Malformed("npy big-endian", numpyFile(descr: ">u2", ids: [1]), "found descr '>u2'; allowed: '<u2'"),
    Malformed("npy order", numpyFile(fortran: "True", ids: [1]), "found fortran_order True; allowed: False"),
    Malformed(
      "npy no descr", numpyFile(header: "{'fortran_order': False, 'shape': (1,)}", ids: [1]), "found descr missing"),
    Malformed("npy spaced type", numpyFile(descr: "< u2", ids: [1]), "found descr '< u2'; allowed: '<u2'"),
    Malformed("npy spaced word", numpyFile(fortran: "Fal se", ids: [1]), "found fortran_order Fal se; allowed: False"),
    Malformed("npy spaced by a control", numpyFile(fortran: "\u{B}False", ids: [1]), "allowed: False"),
    Malformed("npy short", Array(numpyFile(ids: [1, 2]).dropLast()), "allowed: 132 bytes"),
    Malformed("npy long", numpyFile(ids: [1, 2]) + [0], "allowed: 132 bytes"),
  ]

  static let malformedShapes: [Malformed] = [
    "(1, 1)", "()", "(1)", "1", "(-1,)", "(+1,)", "(99999999999999999999,)", "(9223372036854775807,)", "(,)",
    "(0 1,)", "(01,)", "(1\u{A0},)",
  ].map { (shape: String) in
    let header = "{'descr': '<u2', 'fortran_order': False, 'shape': \(shape)}"
    return Malformed("npy shape \(shape)", numpyFile(header: header, ids: [1]), "found shape ")
  }

  @Test(arguments: malformedBins + malformedNumpys + malformedShapes)
  func `a malformed file is refused in one line`(file: Malformed) throws {
    let scratch = try Scratch()
    let path = try scratch.write(file.bytes, "a.bin")
    let error = #expect(throws: TokenError.self) { try TokenShard(path: path) }
    let message = error?.description ?? ""
    #expect(
      message.hasPrefix(path + ": found ") && message.contains(file.part) && !message.contains("\n"), "\(message)")
  }

  @Test func `a missing file and a directory are refused`() throws {
    let scratch = try Scratch()
    let missing = #expect(throws: TokenError.self) { try TokenShard(path: scratch.file("none.bin")) }
    #expect(missing?.description.contains("No such file or directory") == true)
    #expect(throws: TokenError.self) { try TokenShard(path: scratch.path) }
  }

  @Test func `mutated shards are refused or read inside their bounds`() throws {
    let scratch = try Scratch()
    var state: UInt64 = 11
    func random(_ bound: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int((state >> 33) % UInt64(bound))
    }
    let sources = [
      numpyFile(ids: Array(0..<40)),
      BinHeader.bytes(idByteCount: 2, count: 9) + littleEndian(Array(0..<9 as Range<UInt16>)),
    ]
    for round in 0..<2000 {
      var bytes = sources[round % 2]
      for _ in 0...random(2) { bytes[random(min(bytes.count, 128))] = UInt8(random(256)) }
      if random(4) == 0 { bytes.removeLast(random(bytes.count)) }
      guard let shard = try? TokenShard(path: scratch.write(bytes, "a")) else { continue }
      #expect(shard.ids(0..<shard.count).count <= 40)
    }
  }
}

@Suite struct TokenShardWriterTests {
  @Test(arguments: [0, 1, 9, 10, 11, 35]) func `shards are cut at their capacity`(count: Int) throws {
    let scratch = try Scratch()
    let ids = (0..<Int32(count)).map { $0 }
    var writer = TokenShardWriter(
      prefix: scratch.file("text"), split: .training, vocabularySize: 256, shardCapacity: 10)
    for start in stride(from: 0, to: count, by: 4) { try writer.append(Array(ids[start..<min(start + 4, count)])) }
    let paths = try writer.finish()
    #expect(paths == (0..<(count + 9) / 10).map { scratch.file("text_train_00000\($0).bin") })
    #expect(try scratch.names.count == paths.count)
    let back = try paths.flatMap { path in
      let shard = try TokenShard(path: path)
      return shard.ids(0..<shard.count)
    }
    #expect(back == ids)
  }

  @Test func `a shard has a temporary name until it is complete`() throws {
    let scratch = try Scratch()
    do {
      var writer = TokenShardWriter(prefix: scratch.file("text"), split: .validation, vocabularySize: 256)
      try writer.append([1, 2, 3])
      #expect(try scratch.names.allSatisfy { $0.hasSuffix(".tmp") })
    }
    #expect(try scratch.names.isEmpty)
  }

  @Test(arguments: [-1, 256] as [Int32]) func `an id outside the vocabulary is refused`(id: Int32) throws {
    let scratch = try Scratch()
    let path = scratch.file("a.bin")
    let error = #expect(throws: TokenError.self) { try TokenShardWriter.write([1, id], vocabularySize: 256, to: path) }
    #expect(error?.description == "\(path): found id \(id); allowed: 0..<256, the vocabulary")
    #expect(try scratch.names.isEmpty)
  }

  @Test func `a directory that does not exist is named`() {
    let error = #expect(throws: TokenError.self) {
      try TokenShardWriter.write([1], vocabularySize: 256, to: "/nowhere/a.bin")
    }
    #expect(error?.description == "/nowhere/a.bin: found “No such file or directory”; allowed: a place to write")
  }
}
