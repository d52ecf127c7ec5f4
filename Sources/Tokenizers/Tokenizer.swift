internal import Foundation
package import JSON

/// Turns text into ids and back.
///
/// A tokenizer itself never changes and may be shared; what encodes and decodes has working memory and belongs to one
/// thread, so each thread makes its own.
package protocol Tokenizer: Sendable {
  /// All ids are in `0 ..< vocabularySize`.
  var vocabularySize: Int { get }
  /// The id that ends a document; nil if there is none.
  var endOfDocument: Int32? { get }
  /// Where a text may be cut so that its parts have the ids of the whole.
  var cut: TextCut { get }
  /// What a Hugging Face directory holds of it, by name: `tokenizer.json`, `tokenizer_config.json` and what goes with them.
  var files: [String: [UInt8]] { get }

  /// - Parameter addsSpecial: whether the ids that the tokenizer puts before and behind a text go with it.
  func makeEncoder(addsSpecial: Bool) -> any TextEncoder
  func makeDecoder(skipsSpecial: Bool) -> any TextDecoder
  /// Bytes of the text that each id stands for; 0 for special tokens and for ids that no token has.
  var byteCounts: [Int] { get }
  /// The text of `ids`, all at once; whatever is no valid UTF-8 becomes U+FFFD, and so does an id outside of the vocabulary.
  ///
  /// - Parameter skipsSpecial: whether special tokens give no text.
  func decode(_ ids: [Int32], skipsSpecial: Bool) -> String
}

/// Encodes text on one thread.
package protocol TextEncoder: AnyObject {
  /// Adds the ids of a text to `ids`.
  ///
  /// - Parameters:
  ///   - text: UTF-8; bytes that are none are encoded as they are.
  ///   - part: which part of a text it is, cut as ``TextCut`` says.
  func encode(_ text: Span<UInt8>, as part: TextPart, into ids: inout [Int32])
}

/// A text, or a part of one.
package struct TextPart: Hashable, Sendable {
  package let isFirst: Bool
  package let isLast: Bool

  package init(isFirst: Bool, isLast: Bool) {
    self.isFirst = isFirst
    self.isLast = isLast
  }

  package static let whole = TextPart(isFirst: true, isLast: true)
}

/// Decodes ids one after the other, never half a character at a time.
package protocol TextDecoder: AnyObject {
  /// The text that `id` completes; empty while a character is incomplete.
  func append(_ id: Int32) -> String
  /// What is left at the end: the beginning of a character becomes U+FFFD.
  func finish() -> String
}

extension Tokenizer {
  /// The ids of one text; for many, make an encoder.
  package func encode(_ text: [UInt8], addsSpecial: Bool = true) -> [Int32] {
    var ids: [Int32] = []
    makeEncoder(addsSpecial: addsSpecial).encode(text.span, as: .whole, into: &ids)
    return ids
  }

  package func decode(_ ids: [Int32]) -> String { decode(ids, skipsSpecial: false) }

  /// The ids of a text that is to go on: with what the tokenizer puts before a text, without what it puts behind.
  package func encodePrompt(_ text: [UInt8]) -> [Int32] {
    var ids: [Int32] = []
    makeEncoder(addsSpecial: true).encode(text.span, as: TextPart(isFirst: true, isLast: false), into: &ids)
    return ids
  }

  /// The text that `ids` add to that of `prompt`.
  package func continuation(of prompt: [Int32], by ids: [Int32]) -> String {
    let decoder = makeDecoder(skipsSpecial: false)
    for id in prompt { _ = decoder.append(id) }
    return ids.map(decoder.append).joined() + decoder.finish()
  }
}

/// Where a text may be cut so that the ids of its parts, one after the other, are those of the whole.
package struct TextCut: Hashable, Sendable {
  enum Rule: Hashable {
    /// Between any two bytes.
    case anywhere
    /// Before a blank that follows a letter or digit of ASCII, and after a newline between two characters that are no
    /// space: pre-tokenizers of byte-level families begin a piece there whatever is around.
    case atWords
    /// After a newline, and before a blank that follows a letter or digit of ASCII: where each line is split by itself.
    case lines
    /// Before a blank that follows a letter or digit of ASCII.
    case beforeBlank
    case nowhere
  }

  let rule: Rule

  /// The last place in a text to cut at, behind its first byte; nil if there is none.
  package func last(in text: Span<UInt8>) -> Int? {
    switch rule {
    case .anywhere: text.count > 1 ? text.count - 1 : nil
    case .atWords, .lines, .beforeBlank: lastPlace(in: text)
    case .nowhere: nil
    }
  }

  private func lastPlace(in text: Span<UInt8>) -> Int? {
    var place = text.count - 1
    while place >= 2 {
      if isPlace(place, text) { return place }
      place -= 1
    }
    return nil
  }

  private func isPlace(_ place: Int, _ text: Span<UInt8>) -> Bool {
    let before = text[place - 1]
    if text[place] == UInt8(ascii: " "), isWordByte(before) { return true }
    guard before == UInt8(ascii: "\n") else { return false }
    return rule == .lines || rule == .atWords && isWordByte(text[place]) && isWordByte(text[place - 2])
  }

  private func isWordByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"):
      true
    default: false
    }
  }
}

/// Which tokenizer the user named: bytes, or a file.
package enum TokenizerChoice: Hashable, Sendable {
  case bytes
  /// Path of a `tokenizer.json`, or of a directory that holds one.
  case file(String)

  package init(_ text: String) {
    self = text == "bytes" ? .bytes : .file(text)
  }

  /// The choice as it is written.
  package var text: String {
    switch self {
    case .bytes: "bytes"
    case .file(let path): path
    }
  }

  package func load() throws(JSONError) -> any Tokenizer {
    switch self {
    case .bytes: return ByteTokenizer()
    case .file(let path):
      var isDirectory: ObjCBool = false
      _ = unsafe FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory)
      return try TokenizerFile.read(isDirectory.boolValue ? path + "/" + TokenizerFile.name : path)
    }
  }
}
