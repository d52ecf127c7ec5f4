/// What a normalizer does to a text before it is split.
enum RewritingStep: Hashable, Sendable {
  /// Canonical composition.
  case nfc
  /// Puts a text before one that is not empty.
  case prepend([UInt8])
  /// Puts another text in the place of each occurrence of a text, which is not empty.
  case replace([UInt8], [UInt8])
  /// Puts the mark `▁` in the place of blanks, and before a text that does not begin with one.
  case mark(prepends: Prepending)

  /// The step's name in a `tokenizer.json`.
  var name: String {
    switch self {
    case .nfc: "NFC"
    case .prepend: "Prepend"
    case .replace: "Replace"
    case .mark: "Metaspace"
    }
  }

  enum Prepending: String, CaseIterable {
    case always
    /// Only at the very beginning of what is encoded.
    case first
    case never

    func applies(at place: TextRewriter.Place) -> Bool {
      switch self {
      case .always: place != .continuation
      case .first: place == .beginning
      case .never: false
      }
    }
  }
}

/// Applies steps to texts, one after the other, in memory that it keeps.
struct TextRewriter {
  private let steps: [RewritingStep]
  private let classes = CharacterClasses.shared
  /// The text as far as it was rewritten.
  private(set) var text: [UInt8] = []
  private var spare: [UInt8] = []

  init(_ steps: [RewritingStep]) {
    self.steps = steps
  }

  /// Gives the text away, to be read while this is changed; ``returnText(_:)`` gives its memory back.
  mutating func lendText() -> [UInt8] {
    defer { text = [] }
    return text
  }

  mutating func returnText(_ memory: consuming [UInt8]) { text = memory }

  /// Whether texts stay as they are.
  var isIdentity: Bool { steps.isEmpty }

  /// Where a stretch of text is that is rewritten by itself.
  enum Place {
    /// At the very beginning of what is encoded.
    case beginning
    /// Behind an added token.
    case inside
    /// It goes on where another part ended, so nothing is put before it.
    case continuation
  }

  /// Rewrites a stretch of text; the result is ``text``.
  mutating func rewrite(_ source: Span<UInt8>, at place: Place) {
    text.removeAll(keepingCapacity: true)
    for index in source.indices { text.append(source[index]) }
    for step in steps {
      spare.removeAll(keepingCapacity: true)
      switch step {
      case .nfc: compose()
      case .prepend(let prefix):
        if !text.isEmpty, place != .continuation { spare += prefix }
        spare += text
      case .replace(let old, let new): replace(old, new)
      case .mark(let prepends): putMarks(prepends.applies(at: place))
      }
      swap(&text, &spare)
    }
  }

  private mutating func replace(_ old: [UInt8], _ new: [UInt8]) {
    var index = 0
    while index < text.count {
      if text[index] == old[0], text[index...].starts(with: old) {
        spare += new
        index += old.count
      } else {
        spare.append(text[index])
        index += 1
      }
    }
  }

  private mutating func putMarks(_ prepends: Bool) {
    let mark: [UInt8] = [0xE2, 0x96, 0x81]
    let beginsWithMark = text.first == UInt8(ascii: " ") || text.starts(with: mark)
    if prepends, !beginsWithMark, !text.isEmpty { spare += mark }
    for byte in text {
      if byte == UInt8(ascii: " ") { spare += mark } else { spare.append(byte) }
    }
  }

  /// Composes what is not composed. Only stretches with a character that may change are looked at more closely: such a
  /// stretch begins at the character before, and ends before the first that never changes.
  private mutating func compose() {
    var index = 0
    var stretch: Int?
    var last = 0
    while index < text.count {
      let (kind, length) = classes.character(in: text.span, at: index, limit: text.count)
      if kind & CharacterClasses.composing != 0 {
        if stretch == nil { stretch = last }
      } else {
        if let start = stretch {
          appendComposed(start..<index)
          stretch = nil
          last = index
        }
        if last < index { spare += text[last..<index] }
        last = index
      }
      index += length
    }
    if let stretch { appendComposed(stretch..<text.count) } else { spare += text[last...] }
  }

  private mutating func appendComposed(_ range: Range<Int>) {
    var scalars: [UInt32] = []
    var index = range.lowerBound
    while index < range.upperBound {
      let byte = text[index]
      let (scalar, length) = CharacterClasses.scalar(in: text.span, at: index, limit: range.upperBound)
      // A byte that is no UTF-8, which can only be the first here, stays as it is.
      if byte >= 0x80, length == 1 { spare.append(byte) } else { scalars.append(byte < 0x80 ? UInt32(byte) : scalar) }
      index += length
    }
    for scalar in CanonicalComposition.shared.normalized(scalars) {
      guard let scalar = Unicode.Scalar(scalar) else { continue }
      spare += UTF8.encode(scalar) ?? UTF8.EncodedScalar()
    }
  }
}
