import Foundation
import JSON
import Testing

@testable import Tokenizers

/// An edit of a fixture's file, and what its refusal has to name.
struct Refusal: Sendable, CustomTestStringConvertible {
  let fixture: String
  let old: String
  let new: String
  let named: [String]

  init(in fixture: String = "gpt2", _ old: String, _ new: String, names: String...) {
    self.fixture = fixture
    self.old = old
    self.new = new
    named = names
  }

  var testDescription: String { "\(fixture): \(new)" }

  static let all = [
    Refusal(
      "\"normalizer\": null", "\"normalizer\": {\"type\": \"Lowercase\"}", names: "normalizer.type", "Lowercase", "NFC"),
    Refusal(
      "\"normalizer\": null",
      "\"normalizer\": {\"type\": \"Replace\", \"pattern\": {\"Regex\": \"a\"}, \"content\": \"\"}",
      names: "normalizer.pattern", "String"),
    Refusal(
      "\"type\": \"ByteLevel\",\n    \"add_prefix_space\": false", "\"type\": \"Whitespace\"",
      names: "pre_tokenizer.type", "Whitespace"),
    Refusal(
      "\"add_prefix_space\": false", "\"add_prefix_space\": true", names: "pre_tokenizer.add_prefix_space", "true"),
    Refusal(in: "llama3", "{1,3}", "{1,4}", names: "pre_tokenizer.pretokenizers[0].pattern.Regex", "{1,4}", "Llama 3"),
    Refusal(in: "llama3", "\"Isolated\"", "\"MergedWithNext\"", names: "pretokenizers[0].behavior", "MergedWithNext"),
    Refusal(
      in: "llama3", "\"TemplateProcessing\"", "\"BertProcessing\"", names: "post_processor.processors[1].type",
      "BertProcessing"),
    Refusal(in: "llama2", "\"ByteFallback\"", "\"WordPiece\"", names: "decoder.decoders[1].type", "WordPiece"),
    Refusal("\"decoder\": {", "\"decoder\": null, \"decoders\": {", names: "decoder"),
    Refusal("\"dropout\": null", "\"dropout\": 0.1", names: "model.dropout", "0.1"),
    Refusal(
      "\"end_of_word_suffix\": null", "\"end_of_word_suffix\": \"</w>\"", names: "model.end_of_word_suffix", "</w>"),
    Refusal("\"type\": \"BPE\"", "\"type\": \"WordPiece\"", names: "model.type", "WordPiece", "BPE"),
    Refusal(in: "llama2", "\"byte_fallback\": true", "\"byte_fallback\": false", names: "model.byte_fallback"),
    Refusal(in: "llama2", "\"<0x41>\"", "\"<0x4Z>\"", names: "model.vocab", "<0x41>"),
    Refusal("\"!\": 1", "\"!x\": 1", names: "model.vocab", "no token \"!\""),
    Refusal("\"!\": 1", "\"!\": 2", names: "model.vocab", "id 2"),
    Refusal("\"!\": 1", "\"!\": -1", names: "model.vocab"),
    Refusal("\"!\": 1", "\"!\": 99999999999", names: "model.vocab"),
    Refusal("\"merges\": [\n", "\"merges\": [ [\"a\", \"qqqq\"],\n", names: "model.merges[0]", "qqqq"),
    Refusal("\"merges\": [\n", "\"merges\": [ \"a b c\",\n", names: "model.merges"),
    Refusal("\"id\": 0", "\"id\": 7", names: "added_tokens[0].id", "7"),
    Refusal("\"id\": 0", "\"id\": 99999999", names: "added_tokens[0].id"),
    Refusal("\"lstrip\": false", "\"left_strip\": true", names: "added_tokens[0].left_strip", "unknown key", "lstrip"),
    Refusal("\"version\"", "\"model\": {}, \"version\"", names: "model", "twice"),
    Refusal("\"version\"", "\"surprise\": 1, \"version\"", names: "surprise"),
    Refusal("{", "", names: "an object was expected"),
  ]
}

@Suite struct TokenizerFileTests {
  @Test(arguments: Refusal.all)
  func `what is not known is refused by name`(_ refusal: Refusal) throws {
    let text = try Samples.fixtureText(refusal.fixture)
    let place = try #require(text.range(of: refusal.old), "the fixture has no \(refusal.old)")
    let edited = text.replacingCharacters(in: place, with: refusal.new)
    let error = #expect(throws: JSONError.self) {
      try TokenizerFile.read(Array(edited.utf8), source: "tokenizer.json")
    }
    let line = error?.description ?? ""
    #expect(line.hasPrefix("tokenizer.json") && !line.contains("\n"))
    for name in refusal.named { #expect(line.contains(name), "\(line)") }
  }

  @Test func `a file that is not there and one that is no text are refused`() throws {
    let missing = #expect(throws: JSONError.self) { try TokenizerFile.read("/nowhere/tokenizer.json") }
    #expect(missing?.description.contains("/nowhere/tokenizer.json: found no such file") == true)
    let bytes = #expect(throws: JSONError.self) { try TokenizerFile.read([0x7B, 0xFF, 0x7D], source: "f") }
    #expect(bytes?.description.contains("UTF-8") == true)
  }

  @Test func `merges may be texts with a blank`() throws {
    let text = try Samples.fixtureText("qwen")
    let old = try Regex(#"\[\n\s*("(?:[^"\\]|\\.)*"),\n\s*("(?:[^"\\]|\\.)*")\n\s*\]"#)
    let edited = text.replacing(old) { match in
      let left = match.output[1].substring ?? ""
      let right = match.output[2].substring ?? ""
      return left.dropLast() + " " + right.dropFirst()
    }
    #expect(edited != text)
    let tokenizer = try TokenizerFile.read(Array(edited.utf8), source: "edited")
    let sample = Array("the training of models, and the ranks".utf8)
    #expect(try tokenizer.encode(sample) == Samples.fixture("qwen").encode(sample))
  }

  @Test func `tokens that differ only in composition are two tokens`() throws {
    let text = try Samples.fixtureText("llama2").replacing(
      "\"vocab\": {", with: "\"vocab\": {\n\"\u{E9}\": 1000, \"e\u{301}\": 1001,")
    let tokenizer = try TokenizerFile.read(Array(text.utf8), source: "edited")
    #expect(tokenizer.decode([1000]).utf8.elementsEqual("\u{E9}".utf8))
    #expect(tokenizer.decode([1001]).utf8.elementsEqual("e\u{301}".utf8))
    #expect(tokenizer.encode(Array("\u{E9}".utf8), addsSpecial: false).contains(1000))
  }

  @Test func `the end of a document is what the configuration says, else a token known for it`() throws {
    let bytes = Array(try Samples.fixtureText("llama3").utf8)
    let plain = try TokenizerFile.read(bytes, source: "f")
    #expect(plain.endOfDocument == plain.addedToken("<|endoftext|>"))
    for json in [#"{"eos_token": "<|im_end|>"}"#, #"{"eos_token": {"content": "<|im_end|>"}}"#] {
      let named = try TokenizerFile.read(bytes, companions: ["tokenizer_config.json": Array(json.utf8)], source: "f")
      #expect(named.endOfDocument == plain.addedToken("<|im_end|>"))
    }
    #expect(try Samples.fixture("llama2").endOfDocument == 2)
  }

  @Test func `the files of bytes are a tokenizer that does the same`() throws {
    let bytes = ByteTokenizer()
    let file = try TokenizerFile.read(try #require(bytes.files["tokenizer.json"]), source: "f")
    #expect(file.vocabularySize == 256 && file.endOfDocument == nil)
    let text = Array("naïve\n\n 日本 \0".utf8)
    #expect(file.encode(text) == bytes.encode(text))
  }
}
