internal import Corpus
internal import Tokenizers

/// A document, or a part of one, as it was read.
struct CorpusPart: Sendable {
  enum Content: Sendable {
    /// Text of a document that belongs to a split.
    case text(TextPart, TokenSplit)
    /// A JSON object that holds a document.
    case line
  }

  let content: Content
  let bytes: [UInt8]
  /// File, or file and line, for messages.
  let place: String
}

/// Which documents are for validation.
package enum ValidationRule: Hashable, Sendable {
  /// Those whose beginnings have a hash below the share of all hashes.
  case hash(share: Double)
  /// Everything from this byte of all texts on.
  case tail(start: Int)

  /// The split of a document that begins with `bytes`.
  func split(_ bytes: Span<UInt8>) -> TokenSplit {
    guard case .hash(let share) = self else { return .training }
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for index in 0..<min(bytes.count, 1 << 16) { hash = (hash ^ UInt64(bytes[index])) &* 0x100_0000_01B3 }
    hash = (hash ^ hash >> 30) &* 0xBF58_476D_1CE4_E5B9
    hash = (hash ^ hash >> 27) &* 0x94D0_49BB_1331_11EB
    return Double((hash ^ hash >> 31) >> 11) * 0x1p-53 < share ? .validation : .training
  }
}

/// Reads files as documents and their parts, in order; in memory are a part and what belongs to it.
struct CorpusPartReader {
  private let files: [CorpusFile]
  private let rule: ValidationRule
  private let cut: TextCut
  private let separator: [UInt8]
  /// Longer texts are cut where their tokenizer allows it.
  private let partBytes: Int

  private var fileIndex = 0
  private var lines: LineReader?
  private var blocks: BlockReader?
  private var buffer: [UInt8] = []
  /// Where what was not handed on begins in the buffer.
  private var start = 0
  private var isAtEnd = false
  /// Bytes of all texts that were handed on.
  private var textOffset = 0
  /// Whether a document was ended where the validation's text begins.
  private var isInTail = false
  /// Of the document that is read: its split, once its beginning was seen.
  private var split: TokenSplit?
  /// Stored bytes of the files that are done.
  private var doneBytes = 0

  init(_ files: [CorpusFile], rule: ValidationRule, cut: TextCut, separator: [UInt8], partBytes: Int = 1 << 20) {
    self.files = files
    self.rule = rule
    self.cut = cut
    self.separator = separator
    self.partBytes = partBytes
  }

  /// Stored bytes that were read so far.
  var storedPosition: Int { doneBytes + (lines?.storedPosition ?? blocks?.storedPosition ?? 0) }

  mutating func next() throws(CorpusError) -> CorpusPart? {
    while fileIndex < files.count {
      let part = files[fileIndex].kind == .lines ? try nextLine() : try nextText()
      if let part { return part }
      doneBytes += files[fileIndex].storedBytes
      fileIndex += 1
      (lines, blocks) = (nil, nil)
    }
    return nil
  }

  /// The next parts, together at least `byteCount` bytes unless there are no more.
  mutating func nextBatch(of byteCount: Int) throws(CorpusError) -> [CorpusPart] {
    var batch: [CorpusPart] = []
    var missing = byteCount
    while missing > 0, let part = try next() {
      missing -= part.bytes.count
      batch.append(part)
    }
    return batch
  }

  private mutating func nextLine() throws(CorpusError) -> CorpusPart? {
    if lines == nil { lines = try LineReader(files[fileIndex].path) }
    while let line = try lines?.next() {
      guard line.contains(where: { $0 != 0x20 && $0 != 0x0D && $0 != 0x09 }) else { continue }
      return CorpusPart(content: .line, bytes: line, place: lines?.place ?? "")
    }
    return nil
  }

  // MARK: Text

  private mutating func nextText() throws(CorpusError) -> CorpusPart? {
    if blocks == nil {
      blocks = try BlockReader(files[fileIndex].path)
      (buffer, start, isAtEnd) = ([], 0, false)
    }
    var limit = partBytes
    while true {
      try fill(limit + separator.count)
      if count == 0, isAtEnd, split == nil { return nil }
      if let end = documentEnd(within: limit) {
        let part = takePart(end.place, isLast: true, skipping: end.skipped)
        isInTail = isInTail || end.isTail
        if let part { return part }
        continue
      }
      let place = cut.last(in: buffer.span.extracting(start..<start + min(limit, count)))
      if let place { return takePart(place, isLast: false, skipping: 0) }
      limit *= 2
    }
  }

  /// Bytes that were read and not handed on.
  private var count: Int { buffer.count - start }

  /// Reads until there are `wanted` bytes, or no more.
  private mutating func fill(_ wanted: Int) throws(CorpusError) {
    guard count < wanted, !isAtEnd else { return }
    buffer.removeFirst(start)
    start = 0
    while !isAtEnd, count < wanted { isAtEnd = try !(blocks?.read(into: &buffer) ?? false) }
  }

  /// Where the document ends if it does so within `limit` bytes, how many bytes there are between it and the next, and
  /// whether the validation's text begins there.
  private func documentEnd(within limit: Int) -> (place: Int, skipped: Int, isTail: Bool)? {
    let found = separatorPlace(within: limit)
    if case .tail(let tail) = rule, tail > textOffset, tail - textOffset <= min(limit, found ?? limit),
      tail - textOffset < count
    {
      return (characterStart(tail - textOffset), 0, true)
    }
    if let found { return (found, separator.count, false) }
    return isAtEnd && count <= limit ? (count, 0, false) : nil
  }

  private func separatorPlace(within limit: Int) -> Int? {
    guard let first = separator.first else { return nil }
    let bytes = buffer.span
    for place in start..<start + min(limit, count) where bytes[place] == first {
      if buffer[place...].starts(with: separator) { return place - start }
    }
    return nil
  }

  /// The beginning of the character at `place`.
  private func characterStart(_ place: Int) -> Int {
    var moved = place
    while moved > 0, place - moved < 3, buffer[start + moved] & 0xC0 == 0x80 { moved -= 1 }
    return moved == 0 || buffer[start + moved] & 0xC0 == 0x80 ? place : moved
  }

  /// Hands on the first `length` bytes; nil if they are a document without text.
  private mutating func takePart(_ length: Int, isLast: Bool, skipping skipped: Int) -> CorpusPart? {
    let isFirst = split == nil
    let bytes = Array(buffer[start..<start + length])
    let known = split ?? newSplit(bytes)
    split = isLast ? nil : known
    start += length + skipped
    textOffset += length + skipped
    guard !bytes.isEmpty || !isFirst else { return nil }
    let part = TextPart(isFirst: isFirst, isLast: isLast)
    return CorpusPart(content: .text(part, known), bytes: bytes, place: files[fileIndex].path)
  }

  private func newSplit(_ bytes: [UInt8]) -> TokenSplit {
    guard case .tail(let tail) = rule else { return rule.split(bytes.span) }
    return textOffset >= tail || isInTail ? .validation : .training
  }
}
