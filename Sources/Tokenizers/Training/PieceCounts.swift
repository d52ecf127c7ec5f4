/// How often each piece occurs: a hash table with open addressing over the pieces' bytes.
///
/// A piece of up to 15 bytes is in its entry, with its length; the bytes of longer ones are elsewhere.
package struct PieceCounts: Sendable {
  private struct Entry: Sendable {
    var key: PieceCache.Key
    var count: Int
  }

  private var entries: [Entry] = []
  /// Bytes of the pieces that are too long for their entries, one after the other.
  private var longBytes: [UInt8] = []
  private var slots: [Int32] = Array(repeating: -1, count: 1 << 12)

  package init() {}

  /// Number of different pieces.
  package var count: Int { entries.count }

  // MARK: Keys

  /// Marks the key of a long piece: where its bytes begin, and 23 bits of their hash above 40 bits of their number.
  private static let longMark: UInt64 = 1 << 63
  private static let lengthMask: UInt64 = 1 << 40 - 1

  private static func isLong(_ key: PieceCache.Key) -> Bool { key.high & longMark != 0 }

  /// Bytes of the entry's piece.
  private static func length(_ key: PieceCache.Key) -> Int {
    Int(truncatingIfNeeded: isLong(key) ? key.high & lengthMask : key.high >> 56)
  }

  private static func hash(_ key: PieceCache.Key) -> Int {
    let mixed = (key.low ^ key.high &* 0xA24B_AED4_963E_E407) &* 0x9E37_79B9_7F4A_7C15
    return Int(truncatingIfNeeded: ((mixed ^ mixed >> 32) &* 0x9FB2_1C65_1E98_DF25) >> 16)
  }

  private static func hash(_ text: Span<UInt8>, _ range: Range<Int>) -> UInt64 {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for index in range { hash = (hash ^ UInt64(text[index])) &* 0x100_0000_01B3 }
    return hash ^ hash >> 29
  }

  // MARK: Counting

  /// Counts the bytes of `range`, which is not empty, as one piece, `count` times.
  @inline(__always)
  mutating func add(_ text: Span<UInt8>, _ range: Range<Int>, count: Int = 1) {
    guard range.count <= PieceCache.longestPiece else { return addLong(text, range, count) }
    add(PieceCache.key(text, range.lowerBound, range.upperBound), count)
  }

  @inline(__always)
  private mutating func add(_ key: PieceCache.Key, _ count: Int) {
    var slot = Self.hash(key) & (slots.count - 1)
    while slots[slot] >= 0 {
      let index = Int(slots[slot])
      if entries[index].key == key {
        entries[index].count += count
        return
      }
      slot = (slot + 1) & (slots.count - 1)
    }
    insert(Entry(key: key, count: count), at: slot)
  }

  private mutating func addLong(_ text: Span<UInt8>, _ range: Range<Int>, _ count: Int) {
    let tag = Self.longMark | (Self.hash(text, range) & 0x7F_FFFF) << 40 | UInt64(range.count)
    var slot = Self.hash(PieceCache.Key(low: 0, high: tag)) & (slots.count - 1)
    while slots[slot] >= 0 {
      let index = Int(slots[slot])
      if entries[index].key.high == tag, isEqual(entries[index].key, text, range) {
        entries[index].count += count
        return
      }
      slot = (slot + 1) & (slots.count - 1)
    }
    insert(Entry(key: PieceCache.Key(low: UInt64(longBytes.count), high: tag), count: count), at: slot)
    for index in range { longBytes.append(text[index]) }
  }

  private func isEqual(_ key: PieceCache.Key, _ text: Span<UInt8>, _ range: Range<Int>) -> Bool {
    let start = Int(key.low)
    for offset in 0..<range.count where longBytes[start + offset] != text[range.lowerBound + offset] { return false }
    return true
  }

  private mutating func insert(_ entry: Entry, at slot: Int) {
    slots[slot] = Int32(entries.count)
    entries.append(entry)
    if entries.count * 2 > slots.count { rebuild(slotCount: slots.count * 2) }
  }

  private mutating func rebuild(slotCount: Int) {
    slots = Array(repeating: -1, count: slotCount)
    for (index, entry) in entries.enumerated() {
      let key = Self.isLong(entry.key) ? PieceCache.Key(low: 0, high: entry.key.high) : entry.key
      var slot = Self.hash(key) & (slotCount - 1)
      while slots[slot] >= 0 { slot = (slot + 1) & (slotCount - 1) }
      slots[slot] = Int32(index)
    }
  }

  // MARK: All of them

  /// Adds all counts of another table.
  package mutating func add(_ other: PieceCounts) { add(other, above: 0) }

  /// Forgets pieces that occurred least, those that occurred once first, until at most `limit` are left.
  package mutating func prune(to limit: Int) {
    var least = 1
    while entries.count > limit {
      let all = self
      self = PieceCounts()
      add(all, above: least)
      least *= 2
    }
  }

  /// Adds the pieces of another table that it counted more than `least` times.
  private mutating func add(_ other: PieceCounts, above least: Int) {
    for entry in other.entries where entry.count > least {
      if Self.isLong(entry.key) {
        let start = Int(entry.key.low)
        addLong(other.longBytes.span, start..<start + Self.length(entry.key), entry.count)
      } else {
        add(entry.key, entry.count)
      }
    }
  }

  /// Calls `body` with the bytes and the count of every piece, in an order that depends on nothing but the pieces.
  func forEachSorted(_ body: (_ bytes: [UInt8], _ count: Int) -> Void) {
    var bytes: [UInt8] = []
    for entry in entries.sorted(by: isBefore) {
      bytes.removeAll(keepingCapacity: true)
      appendBytes(of: entry.key, to: &bytes)
      body(bytes, entry.count)
    }
  }

  private func isBefore(_ left: Entry, _ right: Entry) -> Bool {
    if left.key.high != right.key.high { return left.key.high < right.key.high }
    guard Self.isLong(left.key) else { return left.key.low < right.key.low }
    let length = Self.length(left.key)
    let (first, second) = (Int(left.key.low), Int(right.key.low))
    return longBytes[first..<first + length].lexicographicallyPrecedes(longBytes[second..<second + length])
  }

  private func appendBytes(of key: PieceCache.Key, to bytes: inout [UInt8]) {
    let length = Self.length(key)
    guard !Self.isLong(key) else {
      bytes += longBytes[Int(key.low)..<Int(key.low) + length]
      return
    }
    for offset in 0..<UInt64(length) {
      bytes.append(UInt8(truncatingIfNeeded: offset < 8 ? key.low >> (8 * offset) : key.high >> (8 * (offset - 8))))
    }
  }
}

/// Counts the pieces of texts.
package struct PieceCounter: Sendable {
  private let scanner: PieceScanner
  private let splitsLines: Bool

  /// - Parameter splitsLines: whether each line, with its end, is split by itself.
  package init(_ recipe: TokenizerRecipe, splitsLines: Bool) {
    scanner = PieceScanner(recipe.pieces.rule)
    self.splitsLines = splitsLines
  }

  /// Counts the pieces of a text, or of a part of one that was cut as ``TokenizerRecipe/cut(splitsLines:)`` says.
  package func count(_ text: Span<UInt8>, into counts: inout PieceCounts) {
    var start = 0
    while start < text.count {
      let limit = splitsLines ? lineEnd(from: start, in: text) : text.count
      while start < limit {
        let end = scanner.end(from: start, in: text, limit: limit)
        counts.add(text, start..<end)
        start = end
      }
    }
  }

  /// The place behind the next newline.
  private func lineEnd(from start: Int, in text: Span<UInt8>) -> Int {
    var place = start
    while place < text.count, text[place] != UInt8(ascii: "\n") { place += 1 }
    return min(place + 1, text.count)
  }
}
