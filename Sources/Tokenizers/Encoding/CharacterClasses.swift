/// What tokenizers need to know of every Unicode character, in a table.
///
/// Letters, numbers and space are those of Unicode 16, which the regular expressions of the `tokenizers` package know
/// (version 0.23.3): a newer standard library must not change ids.
struct CharacterClasses: Sendable {
  /// General category L.
  static let letter: UInt8 = 1
  /// General category N.
  static let number: UInt8 = 2
  /// White_Space.
  static let space: UInt8 = 4
  /// What NFC may change or compose with the character before; without such a one a text is in NFC.
  static let composing: UInt8 = 8
  /// What may be inside of a word (`\w` of regular expressions).
  static let word: UInt8 = 16

  static let shared = CharacterClasses()

  /// The block of each 256 characters; equal blocks are kept once.
  private let blockOfPage: [UInt16]
  /// 256 classes a block; the first block is that of ASCII and Latin-1.
  private let classes: [UInt8]

  private init() {
    var blockOfPage: [UInt16] = []
    var classes: [UInt8] = []
    var known: [[UInt8]: UInt16] = [:]
    for page in UInt32(0)..<0x1100 {
      // Only planes 0 to 3 and 14 have characters with properties.
      let isUsed = page < 0x400 || (0xE00..<0xF00).contains(page)
      let block = (0..<256).map { low in isUsed ? Unicode.Scalar(page << 8 | low).map(Self.classify) ?? 0 : 0 }
      if known[block] == nil {
        known[block] = UInt16(classes.count >> 8)
        classes += block
      }
      blockOfPage.append(known[block] ?? 0)
    }
    self.blockOfPage = blockOfPage
    self.classes = classes
  }

  /// The class of a byte below 128.
  @inline(__always)
  subscript(ascii byte: UInt8) -> UInt8 { classes[Int(byte)] }

  @inline(__always)
  subscript(scalar: UInt32) -> UInt8 {
    classes[Int(blockOfPage[Int(scalar >> 8)]) << 8 | Int(scalar & 0xFF)]
  }

  private static func classify(_ scalar: Unicode.Scalar) -> UInt8 {
    let properties = scalar.properties
    guard let age = properties.age, age.major <= 16 else { return 0 }
    var result: UInt8 = properties.isWhitespace ? space : 0
    switch properties.generalCategory {
    case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter: result |= letter
    case .decimalNumber: result |= number | word
    case .letterNumber, .otherNumber: result |= number
    case .nonspacingMark, .spacingMark, .enclosingMark: result |= composing | word
    case .connectorPunctuation: result |= word
    default: break
    }
    if properties.isAlphabetic || properties.isJoinControl { result |= word }
    let isJamo = (0x1160...0x11FF).contains(scalar.value)
    if properties.isFullCompositionExclusion || isJamo { result |= composing }
    return result
  }
}

extension CharacterClasses {
  /// A character of a text: its class and the bytes that it takes. A byte that is no UTF-8 is a character of no class.
  @inline(__always)
  func character(in text: Span<UInt8>, at index: Int, limit: Int) -> (classes: UInt8, length: Int) {
    let first = text[index]
    if first < 0x80 { return (self[ascii: first], 1) }
    let (scalar, length) = Self.scalar(in: text, at: index, limit: limit)
    return (length == 1 ? 0 : self[scalar], length)
  }

  /// The character of more than one byte at `index` and its length; length 1 if there is none.
  static func scalar(in text: Span<UInt8>, at index: Int, limit: Int) -> (scalar: UInt32, length: Int) {
    let first = UInt32(text[index])
    let length = first < 0xC2 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : first < 0xF5 ? 4 : 1
    guard length > 1, index + length <= limit else { return (0, 1) }
    var scalar = first & (0xFF >> (UInt32(length) + 1))
    for offset in 1..<length {
      let byte = UInt32(text[index + offset])
      guard byte & 0xC0 == 0x80 else { return (0, 1) }
      scalar = scalar << 6 | byte & 0x3F
    }
    switch length {
    case 3: return scalar < 0x800 || (0xD800..<0xE000).contains(scalar) ? (0, 1) : (scalar, 3)
    case 4: return scalar < 0x10000 || scalar > 0x10FFFF ? (0, 1) : (scalar, 4)
    default: return (scalar, length)
    }
  }
}
