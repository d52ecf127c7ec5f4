/// Encodes texts with byte-pair encoding on one thread.
final class BPEEncoder: TextEncoder {
  private let tokenizer: BPETokenizer
  private let addsSpecial: Bool
  private var sections: SectionEncoder

  init(_ tokenizer: BPETokenizer, addsSpecial: Bool) {
    self.tokenizer = tokenizer
    self.addsSpecial = addsSpecial
    sections = SectionEncoder(tokenizer)
  }

  func encode(_ text: Span<UInt8>, as part: TextPart, into ids: inout [Int32]) {
    if addsSpecial, part.isFirst { ids += tokenizer.parts.prefix }
    var place = part.isFirst ? TextRewriter.Place.beginning : .continuation
    if tokenizer.rawTokens.isEmpty {
      if !text.isEmpty { sections.encode(text, at: place, into: &ids) }
    } else {
      var position = AddedTokenFinder.Position()
      while let found = tokenizer.rawTokens.next(in: text, &position) {
        switch found {
        case .token(let id): ids.append(id)
        case .text(let range): sections.encode(text.extracting(range), at: place, into: &ids)
        }
        place = .inside
      }
    }
    if addsSpecial, part.isLast { ids += tokenizer.parts.suffix }
  }
}

/// Encodes what lies between the added tokens of the raw text.
private struct SectionEncoder {
  private let normalizedTokens: AddedTokenFinder
  private var normalizer: TextRewriter
  private var pieces: MarkedEncoder

  init(_ tokenizer: BPETokenizer) {
    normalizedTokens = tokenizer.normalizedTokens
    normalizer = TextRewriter(tokenizer.parts.normalizer)
    pieces = MarkedEncoder(tokenizer.parts)
  }

  mutating func encode(_ text: Span<UInt8>, at place: TextRewriter.Place, into ids: inout [Int32]) {
    guard !normalizer.isIdentity else { return encodeNormalized(text, at: place, into: &ids) }
    normalizer.rewrite(text, at: place)
    // The text leaves the normalizer while it is read, and comes back so that its memory is used again.
    let normalized = normalizer.lendText()
    encodeNormalized(normalized.span, at: place, into: &ids)
    normalizer.returnText(normalized)
  }

  private mutating func encodeNormalized(
    _ text: Span<UInt8>, at place: TextRewriter.Place, into ids: inout [Int32]
  ) {
    guard !normalizedTokens.isEmpty else { return pieces.encode(text, at: place, into: &ids) }
    var place = place
    var position = AddedTokenFinder.Position()
    while let found = normalizedTokens.next(in: text, &position) {
      switch found {
      case .token(let id): ids.append(id)
      case .text(let range): pieces.encode(text.extracting(range), at: place, into: &ids)
      }
      place = .inside
    }
  }
}

/// Encodes normalized text without added tokens.
private struct MarkedEncoder {
  private var marking: TextRewriter
  private let scanners: [PieceScanner]
  private var pieces: PieceEncoder

  init(_ parts: BPETokenizer.Parts) {
    marking = TextRewriter(parts.marking)
    scanners = parts.rules.map { PieceScanner($0) }
    pieces = PieceEncoder(parts)
  }

  mutating func encode(_ text: Span<UInt8>, at place: TextRewriter.Place, into ids: inout [Int32]) {
    guard !marking.isIdentity else { return split(text, 0, text.count, level: 0, into: &ids) }
    marking.rewrite(text, at: place)
    let marked = marking.lendText()
    split(marked.span, 0, marked.count, level: 0, into: &ids)
    marking.returnText(marked)
  }

  private mutating func split(_ text: Span<UInt8>, _ first: Int, _ limit: Int, level: Int, into ids: inout [Int32]) {
    guard level < scanners.count else {
      if first < limit { pieces.encode(text, first, limit, into: &ids) }
      return
    }
    let scanner = scanners[level]
    let isLast = level + 1 == scanners.count
    var start = first
    while start < limit {
      let end = scanner.end(from: start, in: text, limit: limit)
      if isLast {
        pieces.encode(text, start, end, into: &ids)
      } else {
        split(text, start, end, level: level + 1, into: &ids)
      }
      start = end
    }
  }
}

/// Encodes pieces: a look into the cache, else tokens of characters or bytes are merged.
private struct PieceEncoder {
  private let table: TokenTable
  private let ignoresMerges: Bool
  private let isByteLevel: Bool
  /// Tokens of the 256 bytes.
  private let byteTokens: [Int32]
  /// Tokens of the characters of ASCII.
  private let asciiTokens: [Int32]
  private var merger: PieceMerger
  private var cache = PieceCache()

  init(_ parts: BPETokenizer.Parts) {
    table = parts.table
    ignoresMerges = parts.ignoresMerges
    switch parts.alphabet {
    case .bytes(let tokens):
      isByteLevel = true
      byteTokens = tokens
      asciiTokens = []
    case .characters(let fallback):
      isByteLevel = false
      byteTokens = fallback
      asciiTokens = (UInt8(0)..<128).map { parts.table.find([$0]) ?? fallback[Int($0)] }
    }
    merger = PieceMerger(parts.merges)
  }

  @inline(__always)
  mutating func encode(_ text: Span<UInt8>, _ start: Int, _ end: Int, into ids: inout [Int32]) {
    guard end - start <= PieceCache.longestPiece else {
      merge(text, start, end)
      ids += merger.tokens
      return
    }
    let key = PieceCache.key(text, start, end)
    if cache.append(key, to: &ids) { return }
    merge(text, start, end)
    ids += merger.tokens
    cache.insert(key, merger.tokens)
  }

  private mutating func merge(_ text: Span<UInt8>, _ start: Int, _ end: Int) {
    merger.tokens.removeAll(keepingCapacity: true)
    if ignoresMerges, let whole = table.find(text, start..<end) {
      merger.tokens.append(whole)
      return
    }
    if isByteLevel {
      for index in start..<end { merger.tokens.append(byteTokens[Int(text[index])]) }
    } else {
      appendCharacters(text, start, end)
    }
    merger.merge()
  }

  private mutating func appendCharacters(_ text: Span<UInt8>, _ start: Int, _ end: Int) {
    var index = start
    while index < end {
      let first = text[index]
      guard first >= 0x80 else {
        merger.tokens.append(asciiTokens[Int(first)])
        index += 1
        continue
      }
      let (_, length) = CharacterClasses.scalar(in: text, at: index, limit: end)
      if length > 1, let token = table.find(text, index..<index + length) {
        merger.tokens.append(token)
      } else {
        for offset in 0..<length { merger.tokens.append(byteTokens[Int(text[index + offset])]) }
      }
      index += length
    }
  }
}
