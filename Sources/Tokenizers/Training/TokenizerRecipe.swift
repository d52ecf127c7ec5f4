/// What a byte-level BPE is trained to be.
package struct TokenizerRecipe: Sendable {
  /// How texts are split into pieces, none of which a token spans.
  package enum Pieces: String, CaseIterable, Sendable {
    /// Words with the blank before them; numbers.
    case gpt2
    /// Words with one character before them, up to three digits, punctuation with the newlines behind it.
    case llama3
    /// As `llama3`, with single digits.
    case qwen

    var rule: PieceRule {
      switch self {
      case .gpt2: .gpt2
      case .llama3: .wordsAndDigits(most: 3)
      case .qwen: .wordsAndDigits(most: 1)
      }
    }
  }

  /// Tokens in the end: special ones, 256 bytes, and one a merge.
  package var vocabularySize: Int
  package var pieces: Pieces
  /// Texts that are tokens as a whole, each once; the first ids are theirs.
  package var special: [String]
  /// Two tokens that occur together less often are not merged.
  package var minimumCount: Int

  package init(
    vocabularySize: Int, pieces: Pieces = .gpt2, special: [String] = ["<|endoftext|>"], minimumCount: Int = 2
  ) {
    self.vocabularySize = vocabularySize
    self.pieces = pieces
    self.special = special.reduce(into: []) { known, text in
      if !known.contains(where: { $0.utf8.elementsEqual(text.utf8) }) { known.append(text) }
    }
    self.minimumCount = minimumCount
  }

  /// Where a document may be cut so that its parts have the pieces of the whole.
  ///
  /// - Parameter splitsLines: whether each line is split by itself.
  package func cut(splitsLines: Bool) -> TextCut { TextCut(rule: splitsLines ? .lines : .atWords) }
}

/// A tokenizer that was trained.
package struct TrainedTokenizer: Sendable {
  let file: ByteLevelFile

  package var vocabularySize: Int { file.tokens.count }
  package var mergeCount: Int { file.merges.count }

  /// The files of a directory that `AutoTokenizer.from_pretrained` reads, by name.
  package var files: [String: [UInt8]] {
    let special = file.special.map { id in
      AddedToken(id: id, content: String(decoding: file.tokens[Int(id)], as: UTF8.self), isSpecial: true)
    }
    return [
      TokenizerFile.name: Array(file.text.utf8),
      TokenizerFile.configName: Array(
        TokenizerConfig.text(prefix: [], addedTokens: special, otherEnd: special.first).utf8),
    ]
  }
}
