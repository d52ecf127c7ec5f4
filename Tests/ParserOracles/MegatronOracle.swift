internal import FaultSupport
internal import Foundation
internal import TokenData

/// A second opinion on data of Megatron: a `.bin` and the `.idx` beside it.
package enum MegatronOracle {
  private static let magic = Array("MMIDIDX\0\0".utf8)

  /// Opens a `.bin`: it is refused in one line, or holds the ids and documents that are read by other means.
  package static func check(_ path: String, index indexPath: String) throws {
    let index = try bytes(of: indexPath)
    // Without the magic number the data stands for itself.
    guard index.starts(with: magic) else { return try TokenShardOracle.check(path) }
    let shard: TokenShard
    do {
      shard = try TokenShard(path: path)
    } catch {
      return try expect(!error.description.contains("\n"), "more than a line: \(error)")
    }
    let ids = shard.ids(0..<shard.count)
    _ = shard.idRange()
    let (width, lengths, documents) = try require(expected(index), "opened although malformed")
    let data = try bytes(of: path)
    try expect(
      lengths.reduce(0, +) == shard.count && data.count == shard.count * width,
      "\(shard.count) ids of \(width) bytes in \(data.count) bytes")
    for place in 0..<shard.count {
      let value = OracleBytes.integer(data, place * width, width, isSigned: width > 2)
      try expect(Int(ids[place]) == Int(Int32(clamping: value)), "id \(place) is \(ids[place]), not \(value)")
    }
    let found = try require(try shard.documents(), "no documents")
    let starts = documents.dropLast().map { lengths[..<$0].reduce(0, +) }
    try expect((0..<found.count).map { found[$0] } == starts, "documents begin at \(starts)")
  }

  /// Bytes of an id, lengths of sequences and first sequences of documents; nil if the index is malformed.
  private static func expected(_ bytes: [UInt8]) -> (width: Int, lengths: [Int], documents: [Int])? {
    guard bytes.count >= 34, Array(bytes[..<9]) == magic else { return nil }
    func integer(_ place: Int, _ width: Int) -> Int {
      OracleBytes.integer(bytes, place, width, isSigned: true)
    }
    guard integer(9, 8) == 1, let width = [1: 1, 4: 4, 5: 8, 8: 2][Int(bytes[17])] else { return nil }
    let (sequences, entries) = (integer(18, 8), integer(26, 8))
    let room = 0...bytes.count
    guard room.contains(sequences), room.contains(entries), bytes.count == 34 + 12 * sequences + 8 * entries else {
      return nil
    }
    let lengths = (0..<sequences).map { integer(34 + 4 * $0, 4) }
    let places = (0..<sequences).map { integer(34 + 4 * sequences + 8 * $0, 8) }
    let documents = (0..<entries).map { integer(34 + 12 * sequences + 8 * $0, 8) }
    var end = 0
    for (length, place) in zip(lengths, places) {
      guard length >= 0, place == end else { return nil }
      end += length * width
    }
    guard entries == 0 || (documents[0] == 0 && documents[entries - 1] == sequences) else { return nil }
    guard zip(documents, documents.dropFirst()).allSatisfy({ $0 <= $1 }) else { return nil }
    return (width, lengths, documents)
  }
}

/// Integers of a file, byte by byte.
enum OracleBytes {
  /// The integer of `width` bytes at `place`, the smallest byte first; one without a sign that does not fit is the largest.
  static func integer(_ bytes: [UInt8], _ place: Int, _ width: Int, isSigned: Bool) -> Int {
    let value = (0..<width).reduce(UInt64(0)) { $0 | UInt64(bytes[place + $1]) << UInt64(8 * $1) }
    guard isSigned, width < 8 else { return isSigned ? Int(bitPattern: UInt(value)) : Int(clamping: value) }
    return value >> UInt64(8 * width - 1) == 1 ? Int(value) - 1 << (8 * width) : Int(value)
  }
}
