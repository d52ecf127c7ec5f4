import Testing

@testable import Tokenizers

@Suite struct DecodingTests {
  @Test(arguments: Samples.fixtures)
  func `ids decode one after the other to the same text, never half a character`(_ samples: Samples) throws {
    let tokenizer = try samples.tokenizer()
    for sample in try samples.cases() {
      for skipsSpecial in [false, true] {
        let decoder = tokenizer.makeDecoder(skipsSpecial: skipsSpecial)
        var parts = sample.ids.map(decoder.append)
        parts.append(decoder.finish())
        let whole = tokenizer.decode(sample.ids, skipsSpecial: skipsSpecial)
        #expect(parts.joined().utf8.elementsEqual(whole.utf8))
        #expect(whole.contains("\u{FFFD}") || !parts.contains { $0.contains("\u{FFFD}") })
      }
    }
  }

  @Test func `the bytes of a character come out when the last is there`() {
    let decoder = ByteTokenizer().makeDecoder(skipsSpecial: false)
    #expect([0xF0, 0x9F, 0x99, 0x82, 0x61].map(decoder.append) == ["", "", "", "🙂", "a"])
    #expect([0xE2, 0x96].map(decoder.append) == ["", ""])
    #expect(decoder.finish() == "\u{FFFD}")
  }

  @Test func `any bytes come out as they would all at once`() {
    var draws = Draws(state: 4)
    for _ in 0..<2000 {
      let bytes = (0..<Int.random(in: 0...8, using: &draws)).map { _ in
        [0x61, 0x80, 0x9F, 0xBF, 0xC2, 0xE0, 0xE2, 0xED, 0xF0, 0xF4, 0xFF].randomElement(using: &draws) ?? 0
      }
      let decoder = ByteTokenizer().makeDecoder(skipsSpecial: false)
      let text = bytes.map { decoder.append(Int32($0)) }.joined() + decoder.finish()
      let whole = String(decoding: bytes.map { UInt8($0) }, as: UTF8.self)
      #expect(text.utf8.elementsEqual(whole.utf8), "\(bytes)")
    }
  }

  @Test func `an id that no token has becomes U+FFFD`() throws {
    let tokenizer = try Samples.fixture("gpt2")
    let a = tokenizer.encode(Array("a".utf8))
    #expect(tokenizer.decode(a + [9999, -1] + a) == "a\u{FFFD}\u{FFFD}a")
    #expect(ByteTokenizer().decode([0x61, 0xC3, 0x62, 300, -1]) == "a\u{FFFD}b\u{FFFD}\u{FFFD}")
  }

  @Test(arguments: ["", "plain", "naïve Ω 日本 🙂\0"]) func `bytes give the text back`(text: String) {
    let tokenizer = ByteTokenizer()
    #expect(tokenizer.encode(Array(text.utf8)) == text.utf8.map(Int32.init))
    #expect(tokenizer.decode(tokenizer.encode(Array(text.utf8))) == text)
  }

  @Test func `special tokens are left out on demand`() throws {
    let tokenizer = try Samples.fixture("llama3")
    let ids = tokenizer.encode(Array("hi <|endoftext|>".utf8))
    #expect(tokenizer.decode(ids, skipsSpecial: true) == "hi ")
    #expect(tokenizer.decode(ids) == "<|im_start|>hi <|endoftext|><|im_end|>")
  }
}
