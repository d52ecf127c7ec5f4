/// Finds the merges of a byte-level BPE: the two neighbouring tokens that occur most often become one, again and again.
///
/// The same counts give the same vocabulary and merges as the trainer of the `tokenizers` package (0.23): ids are those of
/// special tokens, bytes in the order of their characters, then merges; of pairs that occur equally often, the one with the
/// smaller ids comes first; a token that two merges make has one id; a pair that is merged twice counts as it did the first
/// time plus the places that it came to since.
package struct MergeTrainer {
  private let recipe: TokenizerRecipe
  /// Tokens of all words, one after the other; a word that was merged leaves a gap behind it.
  private var symbols: [Int32] = []
  private var starts: [Int] = []
  private var lengths: [Int32] = []
  private var counts: [Int] = []

  private var table = TokenTable()
  private var tokens: [[UInt8]] = []
  private var special: [Int32] = []
  private var merges: [(left: Int32, right: Int32)] = []

  private var pairs = PairCounts()
  private var queue = PairQueue()
  /// Words that pairs came to in the merge that is made, and the pairs' places among the counts.
  private var lists: [(index: Int, words: [Int32])] = []

  package init(_ recipe: TokenizerRecipe, pieces: PieceCounts) {
    self.recipe = recipe
    let byteIDs = addAlphabet()
    pieces.forEachSorted { bytes, count in
      starts.append(symbols.count)
      lengths.append(Int32(bytes.count))
      counts.append(count)
      for byte in bytes { symbols.append(byteIDs[Int(byte)]) }
    }
  }

  /// Ids of special tokens, then of bytes in the order of their characters.
  private mutating func addAlphabet() -> [Int32] {
    for text in recipe.special {
      // A text that is no such characters is never made by merges.
      let bytes = ByteCharacters.bytes(of: Array(text.utf8).span)
      special.append(add(bytes ?? Array(text.utf8), isFindable: bytes != nil))
    }
    var ids = [Int32](repeating: 0, count: 256)
    let order = (0..<256).sorted { ByteCharacters.characters[$0].value < ByteCharacters.characters[$1].value }
    for byte in order { ids[byte] = add([UInt8(byte)]) }
    return ids
  }

  /// The id of a token with these bytes, which is new unless there is one.
  private mutating func add(_ bytes: [UInt8], isFindable: Bool = true) -> Int32 {
    if isFindable, let known = table.find(bytes) { return known }
    table.set(tokens.count, to: bytes, isFindable: isFindable)
    tokens.append(bytes)
    return Int32(tokens.count - 1)
  }

  /// Makes all merges.
  ///
  /// - Parameter show: called after each, with the number of tokens.
  package consuming func train(show: (Int) -> Void) -> TrainedTokenizer {
    countPairs()
    while tokens.count < recipe.vocabularySize, var first = queue.popFirst() {
      let count = pairs[first.index].count
      if first.count != count {
        // Merges have taken some of its places since it was queued.
        first.count = count
        queue.insert(first)
        continue
      }
      guard count >= max(1, recipe.minimumCount) else { break }
      merge(first)
      show(tokens.count)
    }
    for (id, text) in zip(special, recipe.special) { tokens[Int(id)] = Array(text.utf8) }
    return TrainedTokenizer(
      file: ByteLevelFile(tokens: tokens, merges: lastMerges, special: special, rule: recipe.pieces.rule))
  }

  /// The merges, of those that were made twice the later ones.
  private var lastMerges: [(left: Int32, right: Int32)] {
    var seen: Set<PairCounts.Pair> = []
    return merges.reversed().filter { seen.insert(PairCounts.pair($0.left, $0.right)).inserted }.reversed()
  }

  private mutating func countPairs() {
    for word in starts.indices {
      let start = starts[word]
      for place in start..<start + max(0, Int(lengths[word]) - 1) {
        note(PairCounts.pair(symbols[place], symbols[place + 1]), counts[word], inWord: word)
      }
    }
    queueLists()
  }

  /// Adds to a pair's count; a pair that came to a word is queued with it.
  private mutating func note(_ pair: PairCounts.Pair, _ count: Int, inWord word: Int) {
    let index = pairs.add(count, to: pair)
    guard count > 0 else { return }
    var list = Int(pairs[index].list)
    if list < 0 {
      list = lists.count
      pairs.setList(Int32(list), at: index)
      lists.append((index, []))
    }
    if lists[list].words.last != Int32(word) { lists[list].words.append(Int32(word)) }
  }

  private mutating func queueLists() {
    for (index, words) in lists {
      pairs.setList(-1, at: index)
      let entry = pairs[index]
      if entry.count > 0 { queue.insert(.init(count: entry.count, pair: entry.pair, index: index, words: words)) }
    }
    lists.removeAll(keepingCapacity: true)
  }

  private mutating func merge(_ entry: PairQueue.Entry) {
    let left = Int32(truncatingIfNeeded: entry.pair >> 32)
    let right = Int32(truncatingIfNeeded: entry.pair)
    let token = add(tokens[Int(left)] + tokens[Int(right)])
    merges.append((left, right))
    for word in entry.words { merge(left, right, to: token, inWord: Int(word)) }
    queueLists()
  }

  /// Merges a pair wherever it is in a word, from left to right.
  private mutating func merge(_ left: Int32, _ right: Int32, to token: Int32, inWord word: Int) {
    let start = starts[word]
    let end = start + Int(lengths[word])
    let count = counts[word]
    var (from, to) = (start, start)
    while from < end {
      guard symbols[from] == left, from + 1 < end, symbols[from + 1] == right else {
        symbols[to] = symbols[from]
        (from, to) = (from + 1, to + 1)
        continue
      }
      if to > start {
        note(PairCounts.pair(symbols[to - 1], left), -count, inWord: word)
        note(PairCounts.pair(symbols[to - 1], token), count, inWord: word)
      }
      if from + 2 < end {
        note(PairCounts.pair(right, symbols[from + 2]), -count, inWord: word)
        note(PairCounts.pair(token, symbols[from + 2]), count, inWord: word)
      }
      symbols[to] = token
      (from, to) = (from + 2, to + 1)
    }
    lengths[word] = Int32(to - start)
  }
}
