/// Puts bytes together to whole characters.
struct CharacterAssembler {
  private var pending: [UInt8] = []

  mutating func append(_ byte: UInt8) { pending.append(byte) }
  mutating func append(_ bytes: some Sequence<UInt8>) { pending.append(contentsOf: bytes) }

  /// The text of all bytes but the beginning of a character that is not complete yet.
  mutating func takeComplete() -> String {
    let count = pending.count - incompleteCount
    let text = String(decoding: pending[..<count], as: UTF8.self)
    pending.removeFirst(count)
    return text
  }

  /// The text of all bytes; the beginning of a character becomes U+FFFD.
  mutating func takeAll() -> String {
    defer { pending = [] }
    return String(decoding: pending, as: UTF8.self)
  }

  /// Bytes at the end that may become a character with those that follow.
  private var incompleteCount: Int {
    for count in 1...3 where count <= pending.count {
      let byte = pending[pending.count - count]
      if byte & 0xC0 == 0x80 { continue }
      let length = byte < 0xC2 ? 1 : byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : byte < 0xF5 ? 4 : 1
      return length > count && isBeginning(pending.count - count) ? count : 0
    }
    return 0
  }

  /// Whether the bytes from `start` to the end begin a character: of some, the second byte tells that they do not.
  private func isBeginning(_ start: Int) -> Bool {
    guard start + 1 < pending.count else { return true }
    let second = pending[start + 1]
    switch pending[start] {
    case 0xE0: return second >= 0xA0
    case 0xED: return second < 0xA0
    case 0xF0: return second >= 0x90
    case 0xF4: return second < 0x90
    default: return true
    }
  }
}
