/// How a pre-tokenizer splits a text: known regular expressions, written out as loops over bytes.
///
/// A rule is a function from a place to the end of the piece that begins there, so pieces need no memory. `limit` is the
/// end of the text as far as the rule sees it: a lookahead stops there.
enum PieceRule: Hashable, Sendable {
  /// The expression of GPT-2: `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`.
  case gpt2
  /// The expression of Llama 3 (up to three digits a piece) and Qwen (one):
  /// `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`.
  case wordsAndDigits(most: Int)
  /// Numbers apart from the rest, each digit alone or all together.
  case numbers(areSingle: Bool)
  /// A piece begins at each mark (`▁`).
  case beforeMark
  /// A piece begins at a mark that no other precedes.
  case beforeMarks

  /// The rule of a regular expression, which is compared letter by letter; nil if it is not known.
  init?(expression: String) {
    let contractions = "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
    let words = "[^\\r\\n\\p{L}\\p{N}]?\\p{L}+"
    let rest = " ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"
    switch expression {
    case "\(contractions)|\(words)|\\p{N}{1,3}|\(rest)": self = .wordsAndDigits(most: 3)
    case "\(contractions)|\(words)|\\p{N}{1,2}|\(rest)": self = .wordsAndDigits(most: 2)
    case "\(contractions)|\(words)|\\p{N}|\(rest)": self = .wordsAndDigits(most: 1)
    case "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+",
      "'(?:[sdmt]|ll|ve|re)| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+":
      self = .gpt2
    default: return nil
    }
  }

  /// The regular expression of the rule, or words where none stands for it.
  var name: String {
    switch self {
    case .gpt2: "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+"
    case .wordsAndDigits(let most):
      "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}" + (most == 1 ? "" : "{1,\(most)}")
        + "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"
    case .numbers(let areSingle): areSingle ? "single digits" : "numbers"
    case .beforeMark: "before each mark"
    case .beforeMarks: "before marks"
    }
  }
}

/// Splits texts by one rule.
struct PieceScanner: Sendable {
  let rule: PieceRule
  private let classes = CharacterClasses.shared
  init(_ rule: PieceRule) {
    self.rule = rule
  }

  /// The end of the piece that begins at `start`, which is below `limit`.
  @inline(__always)
  func end(from start: Int, in text: Span<UInt8>, limit: Int) -> Int {
    switch rule {
    case .gpt2: gpt2(start, text, limit)
    case .wordsAndDigits(let most): wordsAndDigits(start, text, limit, most)
    case .numbers(let areSingle): numbers(start, text, limit, areSingle)
    case .beforeMark: nextMark(start, text, limit, endsAtRepeated: true)
    case .beforeMarks: nextMark(start, text, limit, endsAtRepeated: false)
    }
  }

  // MARK: The expressions

  private func gpt2(_ start: Int, _ text: Span<UInt8>, _ limit: Int) -> Int {
    let first = text[start]
    if first == UInt8(ascii: "'") {
      let length = contraction(start, text, limit, ignoresCase: false)
      if length > 0 { return start + length }
    }
    var place = start
    if first == UInt8(ascii: " "), start + 1 < limit { place += 1 }
    let (kind, length) = classes.character(in: text, at: place, limit: limit)
    if kind & CharacterClasses.letter != 0 { return run(of: CharacterClasses.letter, place + length, text, limit) }
    if kind & CharacterClasses.number != 0 { return run(of: CharacterClasses.number, place + length, text, limit) }
    if kind & CharacterClasses.space == 0 { return otherRun(place + length, text, limit) }
    return spaceRun(start, text, limit, endsAtNewline: false)
  }

  private func wordsAndDigits(_ start: Int, _ text: Span<UInt8>, _ limit: Int, _ mostDigits: Int) -> Int {
    let first = text[start]
    let (kind, length) = classes.character(in: text, at: start, limit: limit)
    if kind & CharacterClasses.letter != 0 { return run(of: CharacterClasses.letter, start + length, text, limit) }
    if first == UInt8(ascii: "'") {
      let length = contraction(start, text, limit, ignoresCase: true)
      if length > 0 { return start + length }
    }
    if kind & CharacterClasses.number != 0 { return digits(start + length, text, limit, mostDigits - 1) }
    let isNewline = first == UInt8(ascii: "\r") || first == UInt8(ascii: "\n")
    let next = start + length
    guard next < limit, !isNewline else {
      if kind & CharacterClasses.space == 0 { return next }
      return spaceRun(start, text, limit, endsAtNewline: true)
    }
    let (nextKind, nextLength) = classes.character(in: text, at: next, limit: limit)
    if nextKind & CharacterClasses.letter != 0 {
      return run(of: CharacterClasses.letter, next + nextLength, text, limit)
    }
    if kind & CharacterClasses.space == 0 { return newlines(otherRun(next, text, limit), text, limit) }
    let isOther = nextKind & (CharacterClasses.letter | CharacterClasses.number | CharacterClasses.space) == 0
    if first == UInt8(ascii: " "), isOther { return newlines(otherRun(next + nextLength, text, limit), text, limit) }
    return spaceRun(start, text, limit, endsAtNewline: true)
  }

  private func numbers(_ start: Int, _ text: Span<UInt8>, _ limit: Int, _ areSingle: Bool) -> Int {
    let (kind, length) = classes.character(in: text, at: start, limit: limit)
    if kind & CharacterClasses.number != 0 {
      return areSingle ? start + length : run(of: CharacterClasses.number, start + length, text, limit)
    }
    var place = start + length
    while place < limit {
      let (kind, length) = classes.character(in: text, at: place, limit: limit)
      if kind & CharacterClasses.number != 0 { break }
      place += length
    }
    return place
  }

  /// The first mark behind `start`; unless `endsAtRepeated`, marks in a row stay together.
  private func nextMark(_ start: Int, _ text: Span<UInt8>, _ limit: Int, endsAtRepeated: Bool) -> Int {
    var place = start
    var followsMark = false
    while place < limit {
      let isMark = text[place] == 0xE2 && isMarkRest(place, text, limit)
      if isMark, place > start, endsAtRepeated || !followsMark { return place }
      followsMark = isMark
      place += isMark ? 3 : 1
    }
    return limit
  }

  private func isMarkRest(_ place: Int, _ text: Span<UInt8>, _ limit: Int) -> Bool {
    place + 2 < limit && text[place + 1] == 0x96 && text[place + 2] == 0x81
  }

  // MARK: What they are made of

  /// Bytes of `'s`, `'t`, `'re`, `'ve`, `'m`, `'ll` or `'d` at `start`; 0 if none is there. Without regard to case, `ſ` is
  /// an `s`.
  private func contraction(_ start: Int, _ text: Span<UInt8>, _ limit: Int, ignoresCase: Bool) -> Int {
    guard start + 1 < limit else { return 0 }
    let fold: UInt8 = ignoresCase ? 0x20 : 0
    let first = text[start + 1]
    let second = start + 2 < limit ? text[start + 2] : 0
    switch first | fold {
    case UInt8(ascii: "s"), UInt8(ascii: "t"), UInt8(ascii: "m"), UInt8(ascii: "d"):
      return 2
    case UInt8(ascii: "r"), UInt8(ascii: "v"): return second | fold == UInt8(ascii: "e") ? 3 : 0
    case UInt8(ascii: "l"): return second | fold == UInt8(ascii: "l") ? 3 : 0
    default: return ignoresCase && first == 0xC5 && second == 0xBF ? 3 : 0
    }
  }

  /// The end of the characters of this class from `start`.
  @inline(__always)
  private func run(of kind: UInt8, _ start: Int, _ text: Span<UInt8>, _ limit: Int) -> Int {
    var place = start
    while place < limit {
      let (found, length) = classes.character(in: text, at: place, limit: limit)
      if found & kind == 0 { break }
      place += length
    }
    return place
  }

  /// The end of the characters from `start` that are neither letters, numbers nor space.
  private func otherRun(_ start: Int, _ text: Span<UInt8>, _ limit: Int) -> Int {
    let excluded = CharacterClasses.letter | CharacterClasses.number | CharacterClasses.space
    var place = start
    while place < limit {
      let (found, length) = classes.character(in: text, at: place, limit: limit)
      if found & excluded != 0 { break }
      place += length
    }
    return place
  }

  private func digits(_ start: Int, _ text: Span<UInt8>, _ limit: Int, _ most: Int) -> Int {
    var place = start
    var left = most
    while left > 0, place < limit {
      let (found, length) = classes.character(in: text, at: place, limit: limit)
      if found & CharacterClasses.number == 0 { break }
      place += length
      left -= 1
    }
    return place
  }

  private func newlines(_ start: Int, _ text: Span<UInt8>, _ limit: Int) -> Int {
    var place = start
    while place < limit, text[place] == UInt8(ascii: "\n") || text[place] == UInt8(ascii: "\r") { place += 1 }
    return place
  }

  /// The end of the piece of space at `start`: to the last newline in it where that counts, else without its last
  /// character if something follows that a blank may belong to.
  private func spaceRun(_ start: Int, _ text: Span<UInt8>, _ limit: Int, endsAtNewline: Bool) -> Int {
    var place = start
    var last = start
    var afterNewline = start
    while place < limit {
      let byte = text[place]
      let (found, length) = classes.character(in: text, at: place, limit: limit)
      if found & CharacterClasses.space == 0 { break }
      last = place
      place += length
      if byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\r") { afterNewline = place }
    }
    if endsAtNewline, afterNewline > start { return afterNewline }
    return place == limit || last == start ? place : last
  }
}
