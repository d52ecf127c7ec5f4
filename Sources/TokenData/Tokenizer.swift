/// Turns text into ids and back.
package protocol Tokenizer: Sendable {
  /// All ids are in `0 ..< vocabularySize`.
  var vocabularySize: Int { get }
  func encode(_ text: [UInt8]) -> [Int32]
  /// The text of `ids`; whatever is no valid UTF-8 becomes U+FFFD.
  func decode(_ ids: [Int32]) -> String
}

/// One id a byte: the byte's value.
package struct ByteTokenizer: Tokenizer {
  package init() {}

  package var vocabularySize: Int { 256 }

  package func encode(_ text: [UInt8]) -> [Int32] {
    text.map(Int32.init)
  }

  /// The text of `ids`. An id that is no byte, which a model with a padded vocabulary may give, becomes U+FFFD.
  package func decode(_ ids: [Int32]) -> String {
    String(decoding: ids.map { UInt8(exactly: $0) ?? 0xFF }, as: UTF8.self)
  }
}
