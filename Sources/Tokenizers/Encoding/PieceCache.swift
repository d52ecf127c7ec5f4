/// The ids of pieces that were seen lately: a table of fixed size in which a new piece takes the place of an older one.
///
/// An entry is one cache line of 64 bytes, eight words: the piece's bytes with its length (two words), then up to twelve
/// ids. Pieces that are longer, or have more ids, are not kept.
struct PieceCache {
  /// A piece of at most ``longestPiece`` bytes, its length in the lowest four bits of the second word's highest byte.
  struct Key: Equatable {
    var low: UInt64
    var high: UInt64
  }

  static let longestPiece = 15
  private static let mostIDs = 12
  private static let wordsPerEntry = 8
  private static let entryBits: UInt64 = 15

  private var words: [UInt64]

  init() {
    words = Array(repeating: 0, count: Self.wordsPerEntry << Self.entryBits)
  }

  /// The key of a piece of 1 to ``longestPiece`` bytes.
  @inline(__always)
  static func key(_ text: Span<UInt8>, _ start: Int, _ end: Int) -> Key {
    let length = UInt64(end - start)
    var low: UInt64 = 0
    var high: UInt64 = 0
    if start + 16 <= text.count {
      let bytes = unsafe text.bytes
      low = unsafe UInt64(littleEndian: bytes.unsafeLoadUnaligned(fromByteOffset: start, as: UInt64.self))
      high = unsafe UInt64(littleEndian: bytes.unsafeLoadUnaligned(fromByteOffset: start + 8, as: UInt64.self))
      if length < 8 {
        low &= 1 << (8 * length) &- 1
        high = 0
      } else {
        high &= 1 << (8 * (length - 8)) &- 1
      }
    } else {
      for index in start..<end {
        let offset = UInt64(index - start)
        if offset < 8 {
          low |= UInt64(text[index]) << (8 * offset)
        } else {
          high |= UInt64(text[index]) << (8 * (offset - 8))
        }
      }
    }
    return Key(low: low, high: high | length << 56)
  }

  /// Adds the piece's ids to `ids` if it is known.
  @inline(__always)
  func append(_ key: Key, to ids: inout [Int32]) -> Bool {
    let place = place(of: key)
    let high = words[place + 1]
    guard words[place] == key.low, high & ~(0xF << 60) == key.high else { return false }
    let count = Int(high >> 60)
    var pair = words[place + 2]
    ids.append(Int32(truncatingIfNeeded: pair))
    if count == 1 { return true }
    ids.append(Int32(truncatingIfNeeded: pair >> 32))
    var index = 2
    while index < count {
      pair = words[place + 2 + index >> 1]
      ids.append(Int32(truncatingIfNeeded: index & 1 == 0 ? pair : pair >> 32))
      index += 1
    }
    return true
  }

  /// Keeps the ids of a piece, unless they are too many.
  mutating func insert(_ key: Key, _ ids: some Collection<Int32>) {
    guard ids.count <= Self.mostIDs, !ids.isEmpty else { return }
    let place = place(of: key)
    words[place] = key.low
    words[place + 1] = key.high | UInt64(ids.count) << 60
    for offset in 2..<Self.wordsPerEntry { words[place + offset] = 0 }
    for (index, id) in ids.enumerated() {
      words[place + 2 + index >> 1] |= UInt64(UInt32(bitPattern: id)) << (index & 1 == 0 ? 0 : 32)
    }
  }

  @inline(__always)
  private func place(of key: Key) -> Int {
    let mixed = (key.low ^ key.high &* 0xA24B_AED4_963E_E407) &* 0x9E37_79B9_7F4A_7C15
    let hash = (mixed ^ mixed >> 32) &* 0x9FB2_1C65_1E98_DF25
    return Int(truncatingIfNeeded: hash >> (64 - Self.entryBits)) * Self.wordsPerEntry
  }
}
