/// How often two tokens are neighbours: a hash table with open addressing.
struct PairCounts {
  /// The two ids, the left one in the upper 32 bits.
  typealias Pair = UInt64

  struct Entry {
    let pair: Pair
    var count = 0
    /// Which list holds the words that the pair came to since it was queued last; -1 for none.
    var list: Int32 = -1
  }

  private var entries: [Entry] = []
  private var slots: [Int32] = Array(repeating: -1, count: 1 << 17)
  private var shift: UInt64 = 47

  static func pair(_ left: Int32, _ right: Int32) -> Pair {
    UInt64(UInt32(bitPattern: left)) << 32 | UInt64(UInt32(bitPattern: right))
  }

  subscript(index: Int) -> Entry { entries[index] }

  mutating func setList(_ list: Int32, at index: Int) { entries[index].list = list }

  /// Adds to the count of a pair.
  ///
  /// - Returns: the pair's place among the entries.
  mutating func add(_ count: Int, to pair: Pair) -> Int {
    var slot = firstSlot(pair)
    while slots[slot] >= 0 {
      let index = Int(slots[slot])
      if entries[index].pair == pair {
        entries[index].count += count
        return index
      }
      slot = (slot + 1) & (slots.count - 1)
    }
    slots[slot] = Int32(entries.count)
    entries.append(Entry(pair: pair, count: count))
    if entries.count * 2 > slots.count { grow() }
    return entries.count - 1
  }

  private func firstSlot(_ pair: Pair) -> Int {
    let mixed = (pair ^ pair >> 29) &* 0x9E37_79B9_7F4A_7C15
    return Int(truncatingIfNeeded: mixed >> shift)
  }

  private mutating func grow() {
    shift -= 2
    slots = Array(repeating: -1, count: slots.count * 4)
    for (index, entry) in entries.enumerated() {
      var slot = firstSlot(entry.pair)
      while slots[slot] >= 0 { slot = (slot + 1) & (slots.count - 1) }
      slots[slot] = Int32(index)
    }
  }
}

/// Pairs to merge: the most frequent first, of equals the one with the smaller ids.
struct PairQueue {
  struct Entry {
    var count: Int
    let pair: PairCounts.Pair
    /// The pair's place among the counts.
    let index: Int
    /// Words in which the pair is, or was.
    let words: [Int32]

    func isBefore(_ other: Entry) -> Bool {
      count != other.count ? count > other.count : pair < other.pair
    }
  }

  /// A binary heap.
  private var entries: [Entry] = []

  mutating func insert(_ entry: Entry) {
    entries.append(entry)
    var index = entries.count - 1
    while index > 0, entries[index].isBefore(entries[(index - 1) / 2]) {
      entries.swapAt(index, (index - 1) / 2)
      index = (index - 1) / 2
    }
  }

  mutating func popFirst() -> Entry? {
    guard !entries.isEmpty else { return nil }
    entries.swapAt(0, entries.count - 1)
    let first = entries.removeLast()
    var index = 0
    while true {
      var best = index
      for child in 2 * index + 1...2 * index + 2 where child < entries.count {
        if entries[child].isBefore(entries[best]) { best = child }
      }
      if best == index { return first }
      entries.swapAt(index, best)
      index = best
    }
  }
}
