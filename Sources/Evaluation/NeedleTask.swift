internal import Randomness
package import Tokenizers

/// A sentence with a value hidden in a long text, and the question for that value at its end.
///
/// - Source: the single needle of RULER (Hsieh et al. 2024), without its introduction.
package struct NeedleTask: Sendable {
  /// What the value is.
  package enum Value: String, CaseIterable, Sendable {
    /// Seven digits.
    case numbers
    /// An adjective and a noun.
    case words
    /// 32 hexadecimal digits in five groups.
    case uuids

    /// One of them, in the words of the question.
    fileprivate var singular: String { String(rawValue.dropLast()) }
  }

  /// A prompt and what has to follow it.
  package struct Sample: Hashable, Sendable {
    package let prompt: [Int32]
    package let value: String
  }

  /// The haystack where no text is given: RULER's noise.
  package static let noise = [
    "The grass is green.", "The sky is blue.", "The sun is yellow.", "Here we go.", "There and back again.",
  ]

  private let kind: Value
  private let tokenizer: any Tokenizer
  /// Ids of the haystack's sentences, each with the blank before it.
  private let sentences: [[Int32]]
  private let startsAnywhere: Bool

  /// - Parameter haystack: sentences to hide the needle in, from any of them on and around; nil for RULER's noise.
  package init(_ kind: Value, tokenizer: any Tokenizer, haystack: [String]? = nil) {
    self.kind = kind
    self.tokenizer = tokenizer
    let encoder = tokenizer.makeEncoder(addsSpecial: false)
    sentences = (haystack ?? Self.noise).map { Self.ids(" " + $0, encoder) }.filter { !$0.isEmpty }
    startsAnywhere = haystack != nil
    precondition(!sentences.isEmpty, "needle: an empty haystack")
  }

  /// The sentences of a text: what ends with a line, or with a full stop, an exclamation or question mark before a blank.
  package static func sentences(of text: String) -> [String] {
    var sentences: [String] = []
    for line in text.split(whereSeparator: \.isNewline) {
      var sentence = ""
      for word in line.split(separator: " ") {
        sentence += (sentence.isEmpty ? "" : " ") + word
        if let last = word.last, ".!?".contains(last) {
          sentences.append(sentence)
          sentence = ""
        }
      }
      if !sentence.isEmpty { sentences.append(sentence) }
    }
    return sentences
  }

  private static func ids(_ text: String, _ encoder: any TextEncoder) -> [Int32] {
    var ids: [Int32] = []
    encoder.encode(Array(text.utf8).span, as: TextPart(isFirst: false, isLast: false), into: &ids)
    return ids
  }

  /// Tokens that are generated for an answer: as many as it has bytes, a blank before it included.
  package var answerCount: Int {
    switch kind {
    case .numbers: 1 + 7
    case .words: 1 + NeedleWords.longest
    case .uuids: 1 + 36
    }
  }

  /// The fewest tokens that prompts and answers of the first samples may have: no haystack at all.
  package func leastLength(sampleCount: Int, seed: UInt64 = 0) -> Int {
    let prefixCount = tokenizer.encodePrompt([]).count
    let longest = (0..<sampleCount).reduce(0) { longest, number in
      let words = words(number, seed: seed)
      return max(longest, words.needle.count + words.question.count)
    }
    return prefixCount + longest + answerCount
  }

  /// The sample with this number; its key and value are the same at all lengths and depths.
  ///
  /// - Parameters:
  ///   - length: tokens of prompt and answer together; all samples of a length have prompts of the same length.
  ///   - depth: share of the haystack before the needle, which comes behind a whole sentence.
  package func sample(_ number: Int, length: Int, depth: Double, seed: UInt64 = 0) -> Sample {
    let words = words(number, seed: seed)
    let prefix = tokenizer.encodePrompt([])
    let room = length - answerCount - prefix.count - words.needle.count - words.question.count
    precondition(room >= 0 && (0...1).contains(depth), "needle: no room in \(length), or depth \(depth)")
    let hay = haystack(count: room, from: words.start)
    let place = Int((depth * Double(hay.count)).rounded())
    let text = hay[..<place].joined() + words.needle + hay[place...].joined()
    return Sample(prompt: prefix + text + words.question, value: words.value)
  }

  /// What a sample has besides its haystack, and the sentence that this begins with.
  private struct Words {
    let value: String
    let needle: [Int32]
    let question: [Int32]
    let start: Int
  }

  private func words(_ number: Int, seed: UInt64) -> Words {
    var generator = CounterGenerator(seed: seed, stream: .validation, index: UInt64(number))
    let key = NeedleWords.pair(&generator)
    let value = value(&generator)
    let encoder = tokenizer.makeEncoder(addsSpecial: false)
    let asked = "special magic \(kind.singular) for \(key) mentioned in the provided text"
    return Words(
      value: value, needle: Self.ids(" One of the special magic \(kind.rawValue) for \(key) is: \(value).", encoder),
      question: Self.ids("\nWhat is the \(asked)? The \(asked) is", encoder),
      start: startsAnywhere ? generator.below(sentences.count) : 0)
  }

  /// Sentences of exactly `count` tokens together; the first lacks its beginning where that is needed.
  private func haystack(count: Int, from start: Int) -> [ArraySlice<Int32>] {
    var hay: [ArraySlice<Int32>] = []
    var left = count
    var index = start
    while left > 0 {
      let sentence = sentences[index % sentences.count]
      hay.append(sentence[...])
      left -= sentence.count
      index += 1
    }
    while let first = hay.first, left < 0 {
      hay[0] = first.dropFirst(-left)
      left += first.count - hay[0].count
      if hay[0].isEmpty { hay.removeFirst() }
    }
    return hay
  }

  private func value(_ generator: inout CounterGenerator) -> String {
    switch kind {
    case .numbers: return String(1_000_000 + generator.below(9_000_000))
    case .words: return NeedleWords.pair(&generator)
    case .uuids:
      let digits = (0..<32).map { _ in Array("0123456789abcdef")[generator.below(16)] }
      return [0..<8, 8..<12, 12..<16, 16..<20, 20..<32].map { String(digits[$0]) }.joined(separator: "-")
    }
  }

  /// Whether the value is what the text begins with, blanks aside.
  package static func isAnswer(_ text: String, _ value: String) -> Bool {
    let answer = text.drop(while: \.isWhitespace)
    guard answer.hasPrefix(value) else { return false }
    let next = answer.dropFirst(value.count).first
    return next.map { !$0.isLetter && !$0.isNumber } ?? true
  }
}

/// Words that keys and values are made of.
private enum NeedleWords {
  private static let adjectives = [
    "amber", "brave", "calm", "clever", "cold", "distant", "eager", "early", "faint", "gentle", "golden", "grand",
    "happy", "hidden", "honest", "humble", "kind", "late", "little", "lively", "lonely", "loud", "misty", "noble",
    "old", "plain", "proud", "quick", "quiet", "silver", "small", "solemn", "steady", "sunny", "swift", "tall",
    "warm", "wide", "wild", "young",
  ]
  private static let nouns = [
    "anchor", "arrow", "barn", "bell", "bridge", "candle", "canyon", "castle", "cloud", "clock", "compass", "copper",
    "desert", "door", "eagle", "falcon", "feather", "field", "forest", "garden", "hammer", "harbor", "island",
    "jacket", "kettle", "ladder", "lantern", "letter", "marble", "meadow", "mirror", "mountain", "ocean", "otter",
    "palace", "pencil", "river", "saddle", "thunder", "window",
  ]

  /// Bytes of the longest pair.
  static let longest = (adjectives.map(\.count).max() ?? 0) + 1 + (nouns.map(\.count).max() ?? 0)

  static func pair(_ generator: inout CounterGenerator) -> String {
    adjectives[generator.below(adjectives.count)] + "-" + nouns[generator.below(nouns.count)]
  }
}
