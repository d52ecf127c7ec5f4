internal import FaultSupport
internal import Foundation
internal import TokenData

/// A second opinion on token shards.
package enum TokenShardOracle {
  /// Opens a file: it is refused in one line, or holds the ids that are read from it by other means.
  ///
  /// - Parameter isHeaderless: whether it is to be ids of 16 bits without a header.
  package static func check(_ path: String, isHeaderless: Bool = false) throws {
    let shard: TokenShard
    do {
      shard = try TokenShard(path: path, format: isHeaderless ? .nanogpt : .auto)
    } catch {
      return try expect(!error.description.contains("\n"), "more than a line: \(error)")
    }
    let ids = shard.ids(0..<shard.count)
    let range = shard.idRange()
    let bytes = try bytes(of: path)
    let (count, start, width, isSigned) = try require(
      isHeaderless ? expectedHeaderless(bytes) : expected(bytes),
      "opened although malformed: \(String(decoding: bytes.prefix(100), as: Unicode.ASCII.self).debugDescription)")
    try expect(
      count == shard.count && bytes.count == start + count * width, "\(shard.count) ids of \(bytes.count) bytes")
    for index in 0..<count {
      let value = OracleBytes.integer(bytes, start + index * width, width, isSigned: isSigned)
      try expect(ids[index] == Int32(clamping: value), "id \(index) is \(ids[index]), not \(value)")
      try expect(range?.contains(value) == true, "id \(value) outside of \(String(describing: range))")
    }
  }

  private typealias Description = (count: Int, start: Int, width: Int, isSigned: Bool)

  /// As ``expected(_:)``, of a file without a header.
  private static func expectedHeaderless(_ bytes: [UInt8]) -> Description? {
    guard bytes.count % 2 == 0, bytes.prefix(6) != [0x93] + Array("NUMPY".utf8) else { return nil }
    guard bytes.count >= 8 else { return (bytes.count / 2, 0, 2, false) }
    let start = (0..<2).map { OracleBytes.integer(bytes, 4 * $0, 4, isSigned: true) }
    return [[20_240_520, 1], [20_240_801, 7]].contains(start) ? nil : (bytes.count / 2, 0, 2, false)
  }

  /// Number of ids, where they begin, how wide they are and whether they have a sign, read a second way; nil if
  /// malformed.
  private static func expected(_ bytes: [UInt8]) -> Description? {
    func integer(_ place: Int, _ width: Int) -> Int {
      OracleBytes.integer(bytes, place, width, isSigned: false)
    }
    guard bytes.count >= 10 else { return nil }
    guard Array(bytes[..<6]) == [0x93] + Array("NUMPY".utf8) else {
      guard bytes.count >= 1024 else { return nil }
      let kinds = [20_240_520: (1, 2), 20_240_801: (7, 4)]
      guard let (version, width) = kinds[integer(0, 4)], integer(4, 4) == version else { return nil }
      return (integer(8, 4), 1024, width, false)
    }
    guard (1...3).contains(bytes[6]) else { return nil }
    let lengthWidth = bytes[6] == 1 ? 2 : 4
    guard bytes.count >= 8 + lengthWidth else { return nil }
    let (start, length) = (8 + lengthWidth, integer(8, lengthWidth))
    guard bytes.count >= start + length else { return nil }
    let text = String(decoding: bytes[start..<start + length], as: UTF8.self)
    return array(ofHeader: text).map { ($0.count, start + length, $0.width, $0.isSigned) }
  }

  /// Length and type in a NumPy header that Python would read as a dictionary of exactly these three.
  private static func array(ofHeader text: String) -> (count: Int, width: Int, isSigned: Bool)? {
    let space = "[ \\t\\n\\r\\f]*"
    func quoted(_ word: String) -> String { "(?:'\(word)'|\"\(word)\")" }
    let entries = [
      "\(quoted("descr"))\(space):\(space)'<(?<type>u2|u4|i4|i8)'",
      "\(quoted("fortran_order"))\(space):\(space)False",
      "\(quoted("shape"))\(space):\(space)\\(\(space)(?<count>0|[1-9][0-9]*)\(space),\(space)\\)",
    ]
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
      let list = order.map { entries[$0] }.joined(separator: "\(space),\(space)")
      let pattern = "\\A\(space)\\{\(space)\(list)\(space),?\(space)\\}\(space)\\z"
      guard let expression = try? NSRegularExpression(pattern: pattern) else { continue }
      let whole = NSRange(text.startIndex..., in: text)
      guard let match = expression.firstMatch(in: text, range: whole),
        let count = Range(match.range(withName: "count"), in: text).flatMap({ Int(text[$0]) }),
        let type = Range(match.range(withName: "type"), in: text).map({ text[$0] })
      else { continue }
      return (count, Int(type.dropFirst()) ?? 0, type.first == "i")
    }
    return nil
  }
}
