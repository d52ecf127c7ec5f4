internal import FaultSupport
internal import Foundation
internal import TokenData

/// A second opinion on token shards.
package enum TokenShardOracle {
  /// Opens a file: it is refused in one line, or holds the ids that are read from it by other means.
  package static func check(_ path: String) throws {
    let shard: TokenShard
    do {
      shard = try TokenShard(path: path)
    } catch {
      return try expect(!error.description.contains("\n"), "more than a line: \(error)")
    }
    let ids = shard.ids(0..<shard.count)
    _ = shard.largestID()
    let bytes = try bytes(of: path)
    let (count, start, width) = try require(
      expected(bytes),
      "opened although malformed: \(String(decoding: bytes.prefix(100), as: Unicode.ASCII.self).debugDescription)")
    try expect(
      count == shard.count && bytes.count == start + count * width, "\(shard.count) ids of \(bytes.count) bytes")
    for index in 0..<count {
      let value = (0..<width).reduce(0) { $0 + Int(bytes[start + index * width + $1]) << (8 * $1) }
      try expect(Int(ids[index]) == min(value, Int(Int32.max)), "id \(index) is \(ids[index]), not \(value)")
    }
  }

  /// Number of ids, where they begin and how wide they are, read a second way; nil if malformed.
  private static func expected(_ bytes: [UInt8]) -> (count: Int, start: Int, width: Int)? {
    func integer(_ place: Int, _ width: Int) -> Int {
      (0..<width).reduce(0) { $0 + Int(bytes[place + $1]) << (8 * $1) }
    }
    guard bytes.count >= 10 else { return nil }
    guard Array(bytes[..<6]) == [0x93] + Array("NUMPY".utf8) else {
      guard bytes.count >= 1024 else { return nil }
      let kinds = [20_240_520: (1, 2), 20_240_801: (7, 4)]
      guard let (version, width) = kinds[integer(0, 4)], integer(4, 4) == version else { return nil }
      return (integer(8, 4), 1024, width)
    }
    guard (1...3).contains(bytes[6]) else { return nil }
    let lengthWidth = bytes[6] == 1 ? 2 : 4
    guard bytes.count >= 8 + lengthWidth else { return nil }
    let (start, length) = (8 + lengthWidth, integer(8, lengthWidth))
    guard bytes.count >= start + length else { return nil }
    let text = String(decoding: bytes[start..<start + length], as: UTF8.self)
    return count(ofHeader: text).map { ($0, start + length, 2) }
  }

  /// The length in a NumPy header that Python would read as a dictionary of exactly these three.
  private static func count(ofHeader text: String) -> Int? {
    let space = "[ \\t\\n\\r\\f]*"
    func quoted(_ word: String) -> String { "(?:'\(word)'|\"\(word)\")" }
    let entries = [
      "\(quoted("descr"))\(space):\(space)\(quoted("<u2"))", "\(quoted("fortran_order"))\(space):\(space)False",
      "\(quoted("shape"))\(space):\(space)\\(\(space)(0|[1-9][0-9]*)\(space),\(space)\\)",
    ]
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
      let list = order.map { entries[$0] }.joined(separator: "\(space),\(space)")
      let pattern = "\\A\(space)\\{\(space)\(list)\(space),?\(space)\\}\(space)\\z"
      guard let expression = try? NSRegularExpression(pattern: pattern) else { continue }
      let whole = NSRange(text.startIndex..., in: text)
      guard let match = expression.firstMatch(in: text, range: whole), let range = Range(match.range(at: 1), in: text)
      else { continue }
      return Int(text[range])
    }
    return nil
  }
}
