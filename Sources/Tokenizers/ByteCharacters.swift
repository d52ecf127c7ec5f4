/// The 256 printable characters that stand for bytes in the files of byte-level tokenizers.
///
/// Printable characters of Latin-1 stand for themselves; the other bytes, in order, are U+0100, U+0101 and so on.
///
/// - Source: `bytes_to_unicode` of GPT-2's encoder.
enum ByteCharacters {
  /// The character of each byte.
  static let characters: [Unicode.Scalar] = {
    var next: UInt32 = 0x100
    return (UInt32(0)..<256).map { byte in
      if isPrintable(byte) { return Unicode.Scalar(byte) ?? " " }
      defer { next += 1 }
      return Unicode.Scalar(next) ?? " "
    }
  }()

  /// The bytes below U+0144 by their character; 256 for a character that stands for none.
  private static let bytes: [UInt16] = {
    var table = [UInt16](repeating: 256, count: 0x144)
    for (byte, character) in characters.enumerated() { table[Int(character.value)] = UInt16(byte) }
    return table
  }()

  private static func isPrintable(_ byte: UInt32) -> Bool {
    (0x21...0x7E).contains(byte) || (0xA1...0xAC).contains(byte) || (0xAE...0xFF).contains(byte)
  }

  /// The bytes that a text of such characters stands for; nil if it holds another character.
  ///
  /// - Parameter text: UTF-8.
  static func bytes(of text: Span<UInt8>) -> [UInt8]? {
    var result: [UInt8] = []
    var index = 0
    while index < text.count {
      var scalar = UInt32(text[index])
      var length = 1
      if scalar >= 0x80 { (scalar, length) = CharacterClasses.scalar(in: text, at: index, limit: text.count) }
      guard scalar >= 0x80 || length == 1 && text[index] < 0x80, scalar < 0x144, bytes[Int(scalar)] < 256 else {
        return nil
      }
      result.append(UInt8(truncatingIfNeeded: bytes[Int(scalar)]))
      index += length
    }
    return result
  }

  /// The text that stands for bytes.
  static func text(of bytes: some Sequence<UInt8>) -> String {
    var text = ""
    for byte in bytes { text.unicodeScalars.append(characters[Int(byte)]) }
    return text
  }
}
