/// What two neighbouring tokens become, and how early: a hash table with open addressing.
struct MergeTable: Sendable {
  /// Rank in the upper 32 bits, the new token's id in the lower; smaller merges first.
  typealias Merge = UInt64
  /// The value for two tokens that are never merged; greater than every merge.
  static let none = Merge.max

  /// Pairs and their merges, alternating; an empty slot's pair is ``none``.
  private var slots: [UInt64]
  private let shift: UInt64
  private(set) var count = 0

  /// - Parameter capacity: the most merges to hold.
  init(capacity: Int) {
    var bits: UInt64 = 4
    while 1 << bits < capacity * 5 / 3 { bits += 1 }
    slots = Array(repeating: Self.none, count: 2 << bits)
    shift = 64 - bits
  }

  /// Adds a merge; one of the same pair that is there already gives way.
  mutating func insert(_ left: Int32, _ right: Int32, rank: Int, result: Int32) {
    let pair = Self.pair(left, right)
    var slot = firstSlot(pair)
    while slots[slot] != Self.none, slots[slot] != pair { slot = next(slot) }
    if slots[slot] == Self.none { count += 1 }
    slots[slot] = pair
    slots[slot + 1] = UInt64(rank) << 32 | UInt64(UInt32(bitPattern: result))
  }

  /// What the two become; ``none`` if they stay apart.
  @inline(__always)
  func merge(_ left: Int32, _ right: Int32) -> Merge {
    let pair = Self.pair(left, right)
    var slot = firstSlot(pair)
    while true {
      let found = slots[slot]
      if found == pair { return slots[slot + 1] }
      if found == Self.none { return Self.none }
      slot = next(slot)
    }
  }

  /// The id that a merge makes.
  @inline(__always)
  static func result(of merge: Merge) -> Int32 { Int32(truncatingIfNeeded: merge) }

  @inline(__always)
  private static func pair(_ left: Int32, _ right: Int32) -> UInt64 {
    UInt64(UInt32(bitPattern: left)) << 32 | UInt64(UInt32(bitPattern: right))
  }

  @inline(__always)
  private func firstSlot(_ pair: UInt64) -> Int {
    let mixed = (pair ^ pair >> 29) &* 0x9E37_79B9_7F4A_7C15
    return Int(truncatingIfNeeded: mixed >> shift) << 1
  }

  @inline(__always)
  private func next(_ slot: Int) -> Int { (slot + 2) & (slots.count - 1) }
}
