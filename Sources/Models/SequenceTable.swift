/// Slots of a cache, of which each sequence owns a stretch: the first free one that is long enough.
struct SlotArena {
  /// By place; no two touch each other.
  private var free: [Range<Int>]

  init(slotCount: Int) {
    free = slotCount > 0 ? [0..<slotCount] : []
  }

  /// Nil where no free stretch has `count` slots.
  mutating func take(_ count: Int) -> Range<Int>? {
    guard count > 0 else { return 0..<0 }
    guard let index = free.firstIndex(where: { $0.count >= count }) else { return nil }
    let taken = free[index].prefix(count)
    free[index].removeFirst(count)
    if free[index].isEmpty { free.remove(at: index) }
    return taken.startIndex..<taken.endIndex
  }

  mutating func giveBack(_ range: Range<Int>) {
    guard !range.isEmpty else { return }
    let index = free.firstIndex { $0.lowerBound > range.lowerBound } ?? free.count
    free.insert(range, at: index)
    if index + 1 < free.count, free[index + 1].lowerBound == range.upperBound {
      free[index] = free[index].lowerBound..<free.remove(at: index + 1).upperBound
    }
    if index > 0, free[index - 1].upperBound == range.lowerBound {
      free[index - 1] = free[index - 1].lowerBound..<free.remove(at: index).upperBound
    }
  }
}

/// The sequences of a decode state, with their slots and what a kind of model knows of each.
package struct SequenceTable<Content> {
  package struct Entry {
    /// In each arena.
    package let slots: [Range<Int>]
    package var content: Content
  }

  private var arenas: [SlotArena]
  private var entries: [Entry?]

  package init(_ room: DecodeRoom) {
    arenas = room.slotCounts.map(SlotArena.init)
    entries = Array(repeating: nil, count: room.sequenceCount)
  }

  /// - Parameter slotCounts: in each arena.
  /// - Returns: the smallest free number below the room's count of sequences; nil where there is no room.
  package mutating func add(_ content: Content, slotCounts: [Int]) -> Int? {
    precondition(slotCounts.count == arenas.count, "sequences: \(slotCounts) in \(arenas.count) arenas")
    guard let number = entries.firstIndex(where: { $0 == nil }) else { return nil }
    var slots: [Range<Int>] = []
    for (arena, count) in slotCounts.enumerated() {
      guard let range = arenas[arena].take(count) else {
        for (arena, range) in slots.enumerated() { arenas[arena].giveBack(range) }
        return nil
      }
      slots.append(range)
    }
    entries[number] = Entry(slots: slots, content: content)
    return number
  }

  package mutating func remove(_ number: Int) {
    for (arena, range) in self[number].slots.enumerated() { arenas[arena].giveBack(range) }
    entries[number] = nil
  }

  package subscript(number: Int) -> Entry {
    get {
      guard let entry = entries[number] else { preconditionFailure("sequences: there is no \(number)") }
      return entry
    }
    set { entries[number] = newValue }
  }
}
