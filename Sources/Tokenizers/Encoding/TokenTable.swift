/// The bytes of every token by its id, and the ids by their bytes.
struct TokenTable: Sendable {
  /// Ids are below this.
  private(set) var idCount = 0
  /// All tokens' bytes, one after the other.
  private var bytes: [UInt8] = []
  /// Where each id's bytes begin and end; both 0 for an id that no token has.
  private var ranges: [(start: UInt32, end: UInt32)] = []
  /// Ids by the hash of their bytes, open addressing; -1 where there is none.
  private var slots: [Int32] = Array(repeating: -1, count: 16)
  private var slotShift: UInt64 = 60
  private var findableCount = 0

  /// The largest id that a file may give.
  static let largestID = 1 << 22

  /// The bytes of a token; empty for an id that no token has.
  subscript(id: Int) -> ArraySlice<UInt8> {
    guard id >= 0, id < idCount else { return [] }
    return bytes[Int(ranges[id].start)..<Int(ranges[id].end)]
  }

  /// Whether a token has this id.
  func contains(_ id: Int) -> Bool { id >= 0 && id < idCount && ranges[id].end > 0 }

  /// Gives an id its bytes, which must not be empty.
  ///
  /// - Parameter isFindable: whether ``find(_:)`` gives the id for these bytes.
  mutating func set(_ id: Int, to content: [UInt8], isFindable: Bool = true) {
    precondition(id >= 0 && id <= Self.largestID && !content.isEmpty, "token \(id) of \(content.count) bytes")
    while idCount <= id {
      ranges.append((0, 0))
      idCount += 1
    }
    ranges[id] = (UInt32(bytes.count), UInt32(bytes.count + content.count))
    bytes += content
    guard isFindable else { return }
    findableCount += 1
    if findableCount * 2 > slots.count { grow() }
    insert(Int32(id))
  }

  /// The id of a token with these bytes; nil if there is none.
  func find(_ content: [UInt8]) -> Int32? {
    find(content.span, 0..<content.count)
  }

  /// The id of a token with the bytes of `range`; nil if there is none.
  func find(_ text: Span<UInt8>, _ range: Range<Int>) -> Int32? {
    var slot = Self.slot(of: Self.hash(text, range), slotShift)
    while slots[slot] >= 0 {
      if isEqual(slots[slot], text, range) { return slots[slot] }
      slot = (slot + 1) & (slots.count - 1)
    }
    return nil
  }

  private func isEqual(_ id: Int32, _ text: Span<UInt8>, _ range: Range<Int>) -> Bool {
    let (start, end) = ranges[Int(id)]
    guard Int(end - start) == range.count else { return false }
    for offset in 0..<range.count where bytes[Int(start) + offset] != text[range.lowerBound + offset] { return false }
    return true
  }

  private mutating func insert(_ id: Int32) {
    let range = Int(ranges[Int(id)].start)..<Int(ranges[Int(id)].end)
    var slot = Self.slot(of: Self.hash(bytes.span, range), slotShift)
    while slots[slot] >= 0 { slot = (slot + 1) & (slots.count - 1) }
    slots[slot] = id
  }

  private mutating func grow() {
    let old = slots
    slots = Array(repeating: -1, count: old.count * 4)
    slotShift -= 2
    for id in old where id >= 0 { insert(id) }
  }

  private static func slot(of hash: UInt64, _ shift: UInt64) -> Int {
    Int(truncatingIfNeeded: (hash &* 0x9E37_79B9_7F4A_7C15) >> shift)
  }

  private static func hash(_ text: Span<UInt8>, _ range: Range<Int>) -> UInt64 {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for index in range { hash = (hash ^ UInt64(text[index])) &* 0x100_0000_01B3 }
    return hash ^ hash >> 32
  }
}
