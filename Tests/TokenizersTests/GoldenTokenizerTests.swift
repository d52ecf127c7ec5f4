import Testing
import Tokenizers

/// What the `tokenizers` package gives for the same texts.
@Suite struct GoldenTokenizerTests {
  @Test(arguments: Samples.fixtures)
  func `ids and texts of the fixtures are those of the tokenizers package`(_ samples: Samples) throws {
    try check(samples)
  }

  @Test(.enabled(if: !Samples.shared.isEmpty, "../shared/golden/tokenizers is not there"), arguments: Samples.shared)
  func `ids and texts of the reference tokenizers are those of the tokenizers package`(_ samples: Samples) throws {
    try check(samples)
  }

  @Test func `every family has a fixture`() {
    #expect(Samples.fixtures.map(\.name) == ["gpt2", "llama2", "llama3", "mistral", "qwen"])
  }

  private func check(_ samples: Samples) throws {
    let tokenizer = try samples.tokenizer()
    let encoder = tokenizer.makeEncoder(addsSpecial: true)
    let cases = try samples.cases()
    #expect(cases.count > 50)
    for (index, sample) in cases.enumerated() {
      var ids: [Int32] = []
      encoder.encode(Array(sample.text.utf8).span, as: .whole, into: &ids)
      try #require(ids == sample.ids, "case \(index): \(sample.text.debugDescription)")
      let decoded = tokenizer.decode(sample.ids)
      try #require(decoded.utf8.elementsEqual(sample.decoded.utf8), "case \(index): \(decoded.debugDescription)")
    }
  }
}
