/// What each id is as text, and how texts are put together.
struct TokenDecoding: Sendable {
  enum Kind: Hashable, Sendable {
    /// Tokens stand for bytes.
    case bytes
    /// Tokens are text. Of those that are single bytes (`<0x41>`), a run that is no UTF-8 becomes as many U+FFFD.
    case characters(hasBytes: Bool)
  }

  var kind = Kind.bytes
  /// The most blanks, or what else it is, that are taken away at the beginning.
  var stripsAtStart = 0
  var stripped: Unicode.Scalar = " "
  /// Whether the first token loses its marks (`▁`).
  var firstLosesMarks = false

  /// Ids are below this.
  private(set) var idCount = 0
  private var texts: [UInt8] = []
  private var ranges: [Range<Int>] = []
  private var flags: [UInt8] = []
  /// Texts of tokens that lose marks as the first.
  private var firstTexts: [Int32: [UInt8]] = [:]

  private static let isKnown: UInt8 = 1
  private static let isByte: UInt8 = 2
  private static let isSpecial: UInt8 = 4

  /// Gives an id its text, instead of one that it may have.
  ///
  /// - Parameters:
  ///   - text: the byte itself if `isByte`.
  ///   - firstText: the text as the first token, if that is another.
  mutating func set(
    _ id: Int, to text: [UInt8], isByte: Bool = false, isSpecial: Bool = false, firstText: [UInt8]? = nil
  ) {
    while idCount <= id {
      ranges.append(0..<0)
      flags.append(0)
      idCount += 1
    }
    ranges[id] = texts.count..<texts.count + text.count
    texts += text
    flags[id] = Self.isKnown | (isByte ? Self.isByte : 0) | (isSpecial ? Self.isSpecial : 0)
    firstTexts[Int32(id)] = firstText
  }

  enum Piece {
    case unknown
    case skipped
    case byte(UInt8)
    case text(ArraySlice<UInt8>)
  }

  func piece(_ id: Int32, skipsSpecial: Bool, isFirst: Bool) -> Piece {
    guard id >= 0, Int(id) < idCount, flags[Int(id)] & Self.isKnown != 0 else { return .unknown }
    let flags = flags[Int(id)]
    if skipsSpecial, flags & Self.isSpecial != 0 { return .skipped }
    let text = texts[ranges[Int(id)]]
    if flags & Self.isByte != 0, let byte = text.first { return .byte(byte) }
    if isFirst, firstLosesMarks, let first = firstTexts[id] { return .text(first[...]) }
    return .text(text)
  }

  /// The text of ids, all at once.
  func text(of ids: [Int32], skipsSpecial: Bool) -> String {
    var output: [UInt8] = []
    var run: [UInt8] = []
    var isFirst = true
    func endRun() {
      if String(validating: run, as: UTF8.self) != nil {
        output += run
      } else {
        for _ in run { output += Self.replacement }
      }
      run.removeAll(keepingCapacity: true)
    }
    for id in ids {
      let piece = piece(id, skipsSpecial: skipsSpecial, isFirst: isFirst)
      if case .skipped = piece { continue }
      isFirst = false
      if case .byte(let byte) = piece {
        run.append(byte)
        continue
      }
      if !run.isEmpty { endRun() }
      if case .text(let text) = piece { output += text } else { output += Self.replacement }
    }
    if !run.isEmpty { endRun() }
    var left = stripsAtStart
    return String(stripping(String(decoding: output, as: UTF8.self), &left))
  }

  /// The text without what is taken away at the beginning, of which `left` are still due.
  func stripping(_ text: String, _ left: inout Int) -> String {
    guard left > 0, !text.isEmpty else { return text }
    var scalars = text.unicodeScalars[...]
    while left > 0, scalars.first == stripped {
      scalars.removeFirst()
      left -= 1
    }
    if !scalars.isEmpty { left = 0 }
    return String(scalars)
  }

  /// U+FFFD.
  static let replacement: [UInt8] = [0xEF, 0xBF, 0xBD]
}

/// Decodes ids of byte-pair encoding one after the other.
final class BPEDecoder: TextDecoder {
  private let decoding: TokenDecoding
  private let skipsSpecial: Bool
  private var characters = CharacterAssembler()
  private var leftToStrip: Int
  private var isFirst = true

  init(_ decoding: TokenDecoding, skipsSpecial: Bool) {
    self.decoding = decoding
    self.skipsSpecial = skipsSpecial
    leftToStrip = decoding.stripsAtStart
  }

  func append(_ id: Int32) -> String {
    switch decoding.piece(id, skipsSpecial: skipsSpecial, isFirst: isFirst) {
    case .skipped: return ""
    case .unknown: characters.append(TokenDecoding.replacement)
    case .byte(let byte): characters.append(byte)
    case .text(let text): characters.append(text)
    }
    isFirst = false
    return decoding.stripping(characters.takeComplete(), &leftToStrip)
  }

  func finish() -> String {
    decoding.stripping(characters.takeAll(), &leftToStrip)
  }
}
