/// Byte-pair encoding as a `tokenizer.json` describes it.
package final class BPETokenizer: Tokenizer {
  /// What a piece is made of before tokens are merged.
  enum Alphabet: Sendable {
    /// Bytes, each with a token of its own.
    case bytes([Int32])
    /// Characters; the bytes of those without a token have tokens of their own.
    case characters(fallback: [Int32])
  }

  /// All parts of a tokenizer.
  struct Parts: Sendable {
    var alphabet: Alphabet
    /// Tokens of the model by the bytes that they stand for.
    var table: TokenTable
    var merges: MergeTable
    /// Whether a piece that is a token as a whole is not merged.
    var ignoresMerges = false
    var normalizer: [RewritingStep] = []
    /// What happens to the normalized text between added tokens before it is split.
    var marking: [RewritingStep] = []
    /// One after the other, each splits the pieces of the one before.
    var rules: [PieceRule] = []
    var addedTokens: [AddedToken] = []
    /// Ids before a text.
    var prefix: [Int32] = []
    /// Ids behind a text.
    var suffix: [Int32] = []
    var decoding: TokenDecoding
    /// Whether a merge joins something with a mark (`▁`) behind it.
    var mergesBeforeMark = false

    /// The added tokens with the bytes that they are found and decoded as: those of some are normalized.
    var addedContents: [(token: AddedToken, bytes: [UInt8])] {
      var rewriter = TextRewriter(normalizer)
      return addedTokens.map { token in
        let content = Array(token.content.utf8)
        guard token.isNormalized else { return (token, content) }
        rewriter.rewrite(content.span, at: .beginning)
        return (token, rewriter.text)
      }
    }
  }

  let parts: Parts
  let rawTokens: AddedTokenFinder
  let normalizedTokens: AddedTokenFinder
  package let vocabularySize: Int
  package let endOfDocument: Int32?
  package let files: [String: [UInt8]]

  init(_ parts: Parts, endOfDocument: Int32?, files: [String: [UInt8]]) {
    self.parts = parts
    self.endOfDocument = endOfDocument
    self.files = files
    let contents = parts.addedContents
    rawTokens = AddedTokenFinder(contents.filter { !$0.token.isNormalized })
    normalizedTokens = AddedTokenFinder(contents.filter(\.token.isNormalized))
    vocabularySize = parts.decoding.idCount
  }

  /// The id of an added token; nil if there is none with this text.
  package func addedToken(_ content: String) -> Int32? {
    parts.addedTokens.first { $0.content.utf8.elementsEqual(content.utf8) }?.id
  }

  /// Texts of the special tokens, by id.
  package var specialTokens: [(id: Int32, content: String)] {
    parts.addedTokens.filter(\.isSpecial).map { ($0.id, $0.content) }.sorted { $0.0 < $1.0 }
  }

  /// The kind of tokenizer in words.
  package var kind: String { isByteLevel ? "byte-level BPE" : "BPE with byte fallback" }
  package var mergeCount: Int { parts.merges.count }
  package var normalizerNames: [String] { parts.normalizer.map(\.name) + parts.marking.map(\.name) }
  /// How texts are split, step by step: regular expressions where they stand for it.
  package var ruleNames: [String] { parts.rules.map(\.name) }

  var isByteLevel: Bool {
    if case .bytes = parts.alphabet { true } else { false }
  }

  package var cut: TextCut {
    let isPlain = parts.addedTokens.allSatisfy { token in
      !token.isSingleWord && !token.stripsLeft && !token.stripsRight && !token.content.contains(where: \.isWhitespace)
    }
    guard isPlain else { return TextCut(rule: .nowhere) }
    switch parts.rules.last {
    case .gpt2, .wordsAndDigits: return TextCut(rule: .atWords)
    case .beforeMark, .beforeMarks: return TextCut(rule: .beforeBlank)
    case .numbers, nil: return TextCut(rule: .nowhere)
    }
  }

  package var byteCounts: [Int] {
    (0..<vocabularySize).map { id in
      switch parts.decoding.piece(Int32(id), skipsSpecial: true, isFirst: false) {
      case .unknown, .skipped: 0
      case .byte: 1
      case .text(let text): text.count
      }
    }
  }

  package func makeEncoder(addsSpecial: Bool) -> any TextEncoder { BPEEncoder(self, addsSpecial: addsSpecial) }

  package func makeDecoder(skipsSpecial: Bool) -> any TextDecoder {
    BPEDecoder(parts.decoding, skipsSpecial: skipsSpecial)
  }

  package func decode(_ ids: [Int32], skipsSpecial: Bool) -> String {
    parts.decoding.text(of: ids, skipsSpecial: skipsSpecial)
  }
}
