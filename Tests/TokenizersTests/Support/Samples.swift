import Foundation
import JSON
import Testing
import Tokenizers

/// Tokenizers with texts, ids and decoded texts that the `tokenizers` package (0.23.3) gave.
struct Samples: Sendable, CustomTestStringConvertible {
  let name: String
  let directory: String

  var testDescription: String { name }

  private static let tests = URL(filePath: #filePath).resolvingSymlinksInPath()
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

  /// Small ones that every clone has.
  static let fixtures = samples(in: tests.appending(path: "Fixtures/tokenizers").path)
  /// The reference ones beside the package, where they are there.
  static let shared = samples(
    in: tests.deletingLastPathComponent().deletingLastPathComponent().appending(path: "shared/golden/tokenizers").path)

  private static func samples(in directory: String) -> [Samples] {
    ((try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []).sorted().map {
      Samples(name: $0, directory: "\(directory)/\($0)")
    }
  }

  static func fixture(_ name: String) throws -> BPETokenizer {
    let path = tests.appending(path: "Fixtures/tokenizers/\(name)/tokenizer.json").path
    return try TokenizerFile.read(path)
  }

  /// The text of a fixture's file.
  static func fixtureText(_ name: String) throws -> String {
    try String(contentsOf: tests.appending(path: "Fixtures/tokenizers/\(name)/tokenizer.json"), encoding: .utf8)
  }

  func tokenizer() throws -> BPETokenizer {
    try TokenizerFile.read(directory + "/tokenizer.json")
  }

  struct Case {
    let text: String
    let ids: [Int32]
    let decoded: String
  }

  func cases() throws -> [Case] {
    let lines = try String(contentsOfFile: directory + "/cases.jsonl", encoding: .utf8).split(separator: "\n")
    return try lines.map { line in
      let object = try JSONValue(json: String(line))
      return Case(
        text: object["text"]?.textValue ?? "",
        ids: (object["ids"]?.listValue ?? []).map { Int32($0.integerValue ?? -1) },
        decoded: object["decoded"]?.textValue ?? "")
    }
  }
}

/// Reproducible draws.
struct Draws: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  /// A text of words, space, digits, marks, many scripts and special tokens.
  mutating func text(parts: Int) -> String {
    let words = [
      "the", "hello", " World", "don't", "I'LL", "naïve", "x", "Größe", "日本語", "שלום", "e\u{301}", "가",
      "\u{1100}\u{1161}",
    ]
    let space = [" ", "  ", "\n", "\n\n", "\t", "\r\n", " \n", "\u{A0}", "\u{3000}", "      "]
    let rest = [
      "1", "23", "4567", "²½", "!", "?!", "=>", "🙂", "👩‍👧", "<|endoftext|>", "[A]", "[B]", "tok", "</s>", "<s>", "'s",
      "’",
    ]
    var text = ""
    for _ in 0..<parts {
      let list = [words, space, rest][Int.random(in: 0..<3, using: &self)]
      text += list[Int.random(in: 0..<list.count, using: &self)]
    }
    return text
  }
}
