/// One id a byte: the byte's value.
package struct ByteTokenizer: Tokenizer {
  package init() {}

  package var vocabularySize: Int { 256 }
  package var endOfDocument: Int32? { nil }
  package var cut: TextCut { TextCut(rule: .anywhere) }
  package var byteCounts: [Int] { Array(repeating: 1, count: vocabularySize) }

  /// A byte-level BPE without merges, whose ids are the bytes: the same as this for other programs.
  package var files: [String: [UInt8]] {
    let file = ByteLevelFile(tokens: (UInt8(0)...255).map { [$0] })
    return [
      TokenizerFile.name: Array(file.text.utf8),
      TokenizerFile.configName: Array(TokenizerConfig.text(prefix: [], addedTokens: []).utf8),
    ]
  }

  package func makeEncoder(addsSpecial: Bool) -> any TextEncoder { Encoder() }
  package func makeDecoder(skipsSpecial: Bool) -> any TextDecoder { Decoder() }

  /// The text of `ids`. An id that is no byte, which a model with a padded vocabulary may give, becomes U+FFFD.
  package func decode(_ ids: [Int32], skipsSpecial: Bool) -> String {
    String(decoding: ids.map { UInt8(exactly: $0) ?? 0xFF }, as: UTF8.self)
  }

  private final class Encoder: TextEncoder {
    /// Bytes that are encoded at a time: their ids stay in the nearest cache between being made room for and written.
    private static let blockBytes = 4096

    func encode(_ text: Span<UInt8>, as part: TextPart, into ids: inout [Int32]) {
      let wanted = ids.count + text.count
      if ids.capacity < wanted { ids.reserveCapacity(max(wanted, 2 * ids.capacity)) }
      for start in stride(from: 0, to: text.count, by: Self.blockBytes) {
        append(text.extracting(start..<min(start + Self.blockBytes, text.count)), to: &ids)
      }
    }

    private func append(_ text: Span<UInt8>, to ids: inout [Int32]) {
      let start = ids.count
      ids.append(contentsOf: repeatElement(0, count: text.count))
      // Pointers, for the compiler turns a loop over these into vectors.
      unsafe ids.withUnsafeMutableBufferPointer { ids in
        let target = unsafe UnsafeMutableBufferPointer(rebasing: ids[start...])
        unsafe text.withUnsafeBufferPointer { text in
          for index in 0..<text.count { unsafe target[index] = Int32(text[index]) }
        }
      }
    }
  }

  private final class Decoder: TextDecoder {
    private var characters = CharacterAssembler()

    func append(_ id: Int32) -> String {
      characters.append(UInt8(exactly: id) ?? 0xFF)
      return characters.takeComplete()
    }

    func finish() -> String { characters.takeAll() }
  }
}
