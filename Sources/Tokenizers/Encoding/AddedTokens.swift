/// A token that is found in the text before it is split, whatever is around it.
struct AddedToken: Hashable, Sendable {
  var id: Int32
  /// The text as the file gives it.
  var content: String
  /// Found only where no character of a word is beside it.
  var isSingleWord = false
  /// Takes the space before it along.
  var stripsLeft = false
  /// Takes the space behind it along.
  var stripsRight = false
  /// Looked for in the normalized text, and normalized itself.
  var isNormalized = false
  /// Left out of decoded text on demand.
  var isSpecial = false
}

/// Finds added tokens: the leftmost, and of those the longest.
struct AddedTokenFinder: Sendable {
  private struct Node {
    /// Which token ends here; -1 for none.
    var token: Int32 = -1
  }

  private let tokens: [AddedToken]
  /// A tree of the tokens' bytes: nodes, and the node that a byte leads to by `node << 8 | byte`.
  private var nodes = [Node()]
  private var edges: [UInt64: Int32] = [:]
  private var isFirstByte = [Bool](repeating: false, count: 256)
  private let classes = CharacterClasses.shared

  /// - Parameter tokens: each with the bytes to look for; empty ones are never found.
  init(_ tokens: [(token: AddedToken, bytes: [UInt8])]) {
    self.tokens = tokens.map(\.token)
    for (index, (_, bytes)) in tokens.enumerated() where !bytes.isEmpty { insert(bytes, Int32(index)) }
  }

  var isEmpty: Bool { edges.isEmpty }

  private mutating func insert(_ bytes: [UInt8], _ index: Int32) {
    isFirstByte[Int(bytes[0])] = true
    var node: Int32 = 0
    for byte in bytes {
      let edge = UInt64(node) << 8 | UInt64(byte)
      if edges[edge] == nil {
        edges[edge] = Int32(nodes.count)
        nodes.append(Node())
      }
      node = edges[edge] ?? 0
    }
    if nodes[Int(node)].token < 0 { nodes[Int(node)].token = index }
  }

  /// The next part of a text.
  enum Part {
    /// Text without a token.
    case text(Range<Int>)
    case token(Int32)
  }

  /// Where a search is: what was handed on, and what was looked at.
  struct Position {
    fileprivate var given = 0
    fileprivate var searched = 0
    fileprivate var token: Int32?
    fileprivate var afterToken = 0

    init() {}
  }

  /// The part at `position`, which moves behind it; nil at the end.
  func next(in text: Span<UInt8>, _ position: inout Position) -> Part? {
    if let token = position.token {
      position.token = nil
      position.given = position.afterToken
      return .token(token)
    }
    while let (found, range) = nextMatch(in: text, from: position.searched) {
      position.searched = range.upperBound
      let token = tokens[found]
      if token.isSingleWord, isInsideWord(range, text) { continue }
      let start = token.stripsLeft ? max(position.given, spaceStart(before: range.lowerBound, text)) : range.lowerBound
      let end = token.stripsRight ? spaceEnd(from: range.upperBound, text) : range.upperBound
      if position.given < start {
        position.token = token.id
        position.afterToken = end
        return .text(position.given..<start)
      }
      position.given = end
      return .token(token.id)
    }
    guard position.given < text.count else { return nil }
    defer { position.given = text.count }
    return .text(position.given..<text.count)
  }

  private func nextMatch(in text: Span<UInt8>, from start: Int) -> (token: Int, range: Range<Int>)? {
    var index = start
    while index < text.count {
      if isFirstByte[Int(text[index])], let (token, end) = longestMatch(in: text, at: index) {
        return (token, index..<end)
      }
      index += 1
    }
    return nil
  }

  private func longestMatch(in text: Span<UInt8>, at start: Int) -> (token: Int, end: Int)? {
    var node: Int32 = 0
    var index = start
    var best: (token: Int, end: Int)?
    while index < text.count, let next = edges[UInt64(node) << 8 | UInt64(text[index])] {
      node = next
      index += 1
      if nodes[Int(node)].token >= 0 { best = (Int(nodes[Int(node)].token), index) }
    }
    return best
  }

  private func isInsideWord(_ range: Range<Int>, _ text: Span<UInt8>) -> Bool {
    let word = CharacterClasses.word
    if range.upperBound < text.count,
      classes.character(in: text, at: range.upperBound, limit: text.count).classes & word != 0
    {
      return true
    }
    guard range.lowerBound > 0 else { return false }
    let start = characterStart(before: range.lowerBound, text)
    return classes.character(in: text, at: start, limit: range.lowerBound).classes & word != 0
  }

  private func spaceStart(before end: Int, _ text: Span<UInt8>) -> Int {
    var start = end
    while start > 0 {
      let place = characterStart(before: start, text)
      let (kind, length) = classes.character(in: text, at: place, limit: start)
      guard kind & CharacterClasses.space != 0, place + length == start else { break }
      start = place
    }
    return start
  }

  private func spaceEnd(from start: Int, _ text: Span<UInt8>) -> Int {
    var end = start
    while end < text.count {
      let (kind, length) = classes.character(in: text, at: end, limit: text.count)
      if kind & CharacterClasses.space == 0 { break }
      end += length
    }
    return end
  }

  private func characterStart(before end: Int, _ text: Span<UInt8>) -> Int {
    var start = end - 1
    while start > 0, end - start < 4, text[start] & 0xC0 == 0x80 { start -= 1 }
    return start
  }
}
