/// Merges the tokens of a piece: of all neighbours that may be merged those of the lowest rank first, the leftmost of
/// equals first, until none is left.
struct PieceMerger {
  private let merges: MergeTable
  /// The tokens to merge.
  var tokens: [Int32] = []
  /// Of each token with the one behind it, for short pieces.
  private var candidates: [MergeTable.Merge] = []
  /// For long pieces: neighbours of each token, and merges by rank and place.
  private var previous: [Int32] = []
  private var next: [Int32] = []
  private var heap = MergeHeap()

  /// From this length on, a heap is faster than looking at all candidates.
  private static let longLength = 48

  init(_ merges: MergeTable) {
    self.merges = merges
  }

  /// Merges ``tokens`` in place.
  mutating func merge() {
    guard tokens.count > 1 else { return }
    if tokens.count < Self.longLength { mergeShort() } else { mergeLong() }
  }

  private mutating func mergeShort() {
    candidates.removeAll(keepingCapacity: true)
    for index in 1..<tokens.count { candidates.append(merges.merge(tokens[index - 1], tokens[index])) }
    while true {
      var best = MergeTable.none
      var place = 0
      for (index, candidate) in candidates.enumerated() where candidate < best {
        best = candidate
        place = index
      }
      guard best != MergeTable.none else { return }
      tokens[place] = MergeTable.result(of: best)
      tokens.remove(at: place + 1)
      candidates.remove(at: place)
      if place > 0 { candidates[place - 1] = merges.merge(tokens[place - 1], tokens[place]) }
      if place < candidates.count { candidates[place] = merges.merge(tokens[place], tokens[place + 1]) }
    }
  }

  private mutating func mergeLong() {
    let count = tokens.count
    precondition(count < Int32.max, "a piece of \(count) tokens")
    previous.removeAll(keepingCapacity: true)
    next.removeAll(keepingCapacity: true)
    heap.removeAll()
    for index in 0..<Int32(count) {
      previous.append(index - 1)
      next.append(index + 1)
      propose(Int(index), Int(index) + 1)
    }
    while let (rank, place) = heap.popFirst() {
      guard tokens[place] >= 0, Int(next[place]) < count else { continue }
      let right = Int(next[place])
      let merge = merges.merge(tokens[place], tokens[right])
      // What was proposed may have been merged otherwise since.
      guard merge != MergeTable.none, merge >> 32 == rank else { continue }
      tokens[place] = MergeTable.result(of: merge)
      tokens[right] = -1
      next[place] = next[right]
      if Int(next[place]) < count { previous[Int(next[place])] = Int32(place) }
      if previous[place] >= 0 { propose(Int(previous[place]), place) }
      propose(place, Int(next[place]))
    }
    tokens.removeAll { $0 < 0 }
  }

  private mutating func propose(_ left: Int, _ right: Int) {
    guard right < tokens.count else { return }
    let merge = merges.merge(tokens[left], tokens[right])
    if merge != MergeTable.none { heap.insert(rank: merge >> 32, place: left) }
  }
}

/// A binary heap of merges: lowest rank first, leftmost of equals first.
private struct MergeHeap {
  /// Rank in the upper 32 bits, place in the lower.
  private var entries: [UInt64] = []

  mutating func removeAll() { entries.removeAll(keepingCapacity: true) }

  mutating func insert(rank: UInt64, place: Int) {
    var index = entries.count
    let entry = rank << 32 | UInt64(place)
    entries.append(entry)
    while index > 0 {
      let parent = (index - 1) / 2
      if entries[parent] <= entry { break }
      entries[index] = entries[parent]
      index = parent
    }
    entries[index] = entry
  }

  mutating func popFirst() -> (rank: UInt64, place: Int)? {
    guard let first = entries.first, let last = entries.popLast() else { return nil }
    if !entries.isEmpty { sink(last) }
    return (first >> 32, Int(first & 0xFFFF_FFFF))
  }

  private mutating func sink(_ entry: UInt64) {
    var index = 0
    while true {
      var child = 2 * index + 1
      guard child < entries.count else { break }
      if child + 1 < entries.count, entries[child + 1] < entries[child] { child += 1 }
      if entries[child] >= entry { break }
      entries[index] = entries[child]
      index = child
    }
    entries[index] = entry
  }
}
