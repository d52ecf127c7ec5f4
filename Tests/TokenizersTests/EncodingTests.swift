import Testing

@testable import Tokenizers

@Suite struct EncodingTests {
  @Test(arguments: ["gpt2", "llama3"])
  func `any bytes survive a byte-level tokenizer`(_ name: String) throws {
    let tokenizer = try Samples.fixture(name)
    var draws = Draws(state: 1)
    for _ in 0..<200 {
      let bytes = (0..<Int.random(in: 0...40, using: &draws)).map { _ in UInt8.random(in: 0...255, using: &draws) }
      let ids = tokenizer.encode(bytes, addsSpecial: false)
      #expect(ids.flatMap { tokenizer.parts.table[Int($0)] } == bytes)
      #expect(tokenizer.decode(ids) == String(decoding: bytes, as: UTF8.self))
    }
  }

  @Test func `bytes that are no UTF-8 have byte tokens in a tokenizer of characters`() throws {
    let tokenizer = try Samples.fixture("llama2")
    let byte = { (value: Int) in Int32(3 + value) }
    #expect(
      tokenizer.encode([0x61, 0xFF, 0xE2, 0x96], addsSpecial: false).suffix(3) == [byte(0xFF), byte(0xE2), byte(0x96)])
  }

  @Test(arguments: Samples.fixtures)
  func `the parts of a text that is cut have the ids of the whole`(_ samples: Samples) throws {
    // Tokens that look beside themselves forbid to cut.
    let tokenizer = try BPETokenizer.plain(samples.tokenizer())
    var draws = Draws(state: 2)
    var cutCount = 0
    for _ in 0..<300 {
      let text = Array(draws.text(parts: 30).utf8)
      let whole = tokenizer.encode(text)
      guard let cut = tokenizer.cut.last(in: text.span) else { continue }
      cutCount += 1
      let encoder = tokenizer.makeEncoder(addsSpecial: true)
      var ids: [Int32] = []
      encoder.encode(text.span.extracting(0..<cut), as: TextPart(isFirst: true, isLast: false), into: &ids)
      encoder.encode(text.span.extracting(cut..<text.count), as: TextPart(isFirst: false, isLast: true), into: &ids)
      #expect(ids == whole, "cut at \(cut): \(String(decoding: text, as: UTF8.self).debugDescription)")
    }
    #expect(cutCount > 100)
  }

  @Test func `a tokenizer whose tokens look beside themselves does not let its texts be cut`() throws {
    #expect(try Samples.fixture("gpt2").cut.last(in: Array("some words here".utf8).span) == nil)
    #expect(ByteTokenizer().cut.last(in: [1, 2, 3].span) == 2)
  }

  @Test(arguments: [2, 47, 48, 49, 300, 2000])
  func `long pieces are merged as short ones are`(length: Int) throws {
    let parts = try Samples.fixture("gpt2").parts
    guard case .bytes(let tokens) = parts.alphabet else { throw Unexpected() }
    var draws = Draws(state: UInt64(length))
    var merger = PieceMerger(parts.merges)
    let letters = Array("theinaronr e".utf8)
    let bytes = (0..<length).map { _ in letters[Int.random(in: 0..<letters.count, using: &draws)] }
    merger.tokens = bytes.map { tokens[Int($0)] }
    let expected = Self.merged(merger.tokens, parts.merges)
    merger.merge()
    #expect(merger.tokens == expected)
    #expect(length < 40 || expected.count < length)
  }

  /// The slow way: looks for the best pair of all, again and again.
  private static func merged(_ tokens: [Int32], _ merges: MergeTable) -> [Int32] {
    var tokens = tokens
    while tokens.count > 1 {
      let candidates = (1..<tokens.count).map { merges.merge(tokens[$0 - 1], tokens[$0]) }
      guard let best = candidates.min(), best != MergeTable.none, let place = candidates.firstIndex(of: best) else {
        break
      }
      tokens[place] = MergeTable.result(of: best)
      tokens.remove(at: place + 1)
    }
    return tokens
  }

  private struct Unexpected: Error {}

  @Test func `a piece has the same ids from the cache`() throws {
    let tokenizer = try Samples.fixture("llama3")
    let encoder = tokenizer.makeEncoder(addsSpecial: false)
    var draws = Draws(state: 3)
    let texts = (0..<50).map { _ in Array(draws.text(parts: 20).utf8) }
    for text in texts + texts {
      var ids: [Int32] = []
      encoder.encode(text.span, as: .whole, into: &ids)
      #expect(ids == tokenizer.encode(text, addsSpecial: false))
    }
  }

  @Test func `keys of pieces differ where pieces do`() {
    let text = Array("abcdefghijklmnopqrstuvwxyz0123456789".utf8)
    for length in 1...15 {
      // Far from the end of the text, and at it, where the bytes are read one by one.
      let far = PieceCache.key(text.span, 3, 3 + length)
      let near = PieceCache.key(Array(text[3..<3 + length]).span, 0, length)
      #expect(far == near)
      #expect(far != PieceCache.key(text.span, 4, 4 + length))
      if length > 1 { #expect(far != PieceCache.key(text.span, 3, 2 + length)) }
    }
    #expect(PieceCache.key([0].span, 0, 1) != PieceCache.key([0, 0].span, 0, 2))
  }

  @Test func `composition is that of Unicode`() throws {
    let compose = { (text: String) in
      String(
        String.UnicodeScalarView(
          CanonicalComposition.shared.normalized(text.unicodeScalars.map(\.value)).compactMap(Unicode.Scalar.init)))
    }
    let pairs = [
      ("e\u{301}", "\u{E9}"), ("q\u{323}\u{307}", "q\u{323}\u{307}"), ("q\u{307}\u{323}", "q\u{323}\u{307}"),
      ("a\u{323}\u{302}", "\u{1EAD}"), ("\u{212B}", "\u{C5}"), ("\u{1100}\u{1161}\u{11A8}", "\u{AC01}"),
      ("\u{AC00}\u{11A8}", "\u{AC01}"), ("\u{AC00}\u{11A7}", "\u{AC00}\u{11A7}"), ("\u{958}", "\u{915}\u{93C}"),
      ("\u{344}", "\u{308}\u{301}"), ("\u{1D15E}", "\u{1D157}\u{1D165}"),
      // Characters that came with Unicode 10 and later are left alone.
      ("a\u{1133B}\u{301}", "\u{E1}\u{1133B}"),
    ]
    for (text, expected) in pairs.dropLast() { #expect(compose(text).utf8.elementsEqual(expected.utf8), "\(expected)") }
    #expect(compose("q\u{1133B}\u{334}") == "q\u{1133B}\u{334}")
  }
}

extension BPETokenizer {
  /// The tokenizer without added tokens that look beside themselves.
  fileprivate static func plain(_ tokenizer: BPETokenizer) -> BPETokenizer {
    var parts = tokenizer.parts
    parts.addedTokens.removeAll { $0.stripsLeft || $0.stripsRight || $0.isSingleWord }
    return BPETokenizer(parts, endOfDocument: nil, files: [:])
  }
}
