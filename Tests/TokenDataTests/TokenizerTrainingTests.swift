import Corpus
import Foundation
import Testing

@testable import TokenData
@testable import Tokenizers

@Suite struct TokenizerTrainingTests {
  /// Documents with a tail of rare words.
  private static func documents() -> [String] {
    var state: UInt64 = 11
    func draw(_ limit: UInt64) -> UInt64 {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return (state >> 33) % limit
    }
    return (0..<400).map { _ in
      (0..<40).map { _ in "w\(draw(1 + draw(3000)))" }.joined(separator: " ") + ".\n\nNext line\n"
    }
  }

  private static func train(
    _ files: [String], threadCount: Int = 2, splitsLines: Bool = false, separator: String = "",
    mostPieces: Int = TokenizerTraining.mostPieces, roundBytes: Int? = nil
  ) throws -> TokenizerTraining.Outcome {
    let recipe = TokenizerRecipe(vocabularySize: 900, pieces: .llama3)
    return try TokenizerTraining(
      recipe, files: CorpusFile.expand(files, areLines: false), field: "text", separator: separator,
      splitsLines: splitsLines, mostPieces: mostPieces, roundBytes: roundBytes
    ).run(threadCount: threadCount) { _ in }
  }

  private static func jsonLines(_ texts: [String]) throws -> [UInt8] {
    try texts.flatMap { try Array(JSONEncoder().encode(["text": $0])) + [UInt8(ascii: "\n")] }
  }

  @Test func `the tokenizer does not depend on threads, nor on how documents are stored`() throws {
    let scratch = try Scratch()
    let texts = Self.documents()
    try scratch.write(Self.jsonLines(texts), "corpus.jsonl")
    try scratch.write(Array(texts.joined(separator: "<sep>").utf8), "corpus.txt")
    let alone = try Self.train([scratch.file("corpus.jsonl")], threadCount: 1)
    let others = try [
      Self.train([scratch.file("corpus.jsonl")], threadCount: 3),
      Self.train([scratch.file("corpus.txt")], separator: "<sep>"),
    ]
    #expect(alone.tokenizer.vocabularySize == 900 && !alone.wasPruned)
    for other in others {
      #expect(other.tokenizer.files == alone.tokenizer.files)
      #expect(other.byteCount == alone.byteCount && other.pieceCount == alone.pieceCount)
    }
  }

  @Test func `rare pieces are forgotten alike whatever the number of threads`() throws {
    let scratch = try Scratch()
    try scratch.write(Self.jsonLines(Self.documents()), "corpus.jsonl")
    let all = try Self.train([scratch.file("corpus.jsonl")])
    let outcomes = try (1...4).map {
      try Self.train([scratch.file("corpus.jsonl")], threadCount: $0, mostPieces: 500, roundBytes: 4000)
    }
    for outcome in outcomes {
      #expect(outcome.wasPruned && outcome.pieceCount <= 500 && outcome.pieceCount < all.pieceCount)
      #expect(outcome.tokenizer.files == outcomes[0].tokenizer.files)
      #expect(outcome.byteCount == all.byteCount)
    }
  }

  @Test func `lines are split by themselves on demand, documents of JSON never`() throws {
    let scratch = try Scratch()
    let texts = [String](repeating: "One line.\n\nOther lines\n\n", count: 50)
    try scratch.write(Array(texts.joined().utf8), "corpus.txt")
    try scratch.write(Self.jsonLines(texts), "corpus.jsonl")
    let tokens = { (outcome: TokenizerTraining.Outcome) in Set(outcome.tokenizer.file.tokens) }
    let newlines = Array(".\n\n".utf8)
    #expect(!tokens(try Self.train([scratch.file("corpus.txt")], splitsLines: true)).contains(newlines))
    #expect(tokens(try Self.train([scratch.file("corpus.txt")], splitsLines: false)).contains(newlines))
    #expect(tokens(try Self.train([scratch.file("corpus.jsonl")], splitsLines: true)).contains(newlines))
  }

  @Test(arguments: [
    ("corpus.jsonl", "{\"text\": \"a\"}\n{\"txt\": 1}\n", ["corpus.jsonl:2", "\"text\"", "--field"]),
    ("corpus.jsonl", "{\"text\": \"a\"}\nhello\n", ["corpus.jsonl:2", "JSON"]),
    ("corpus.txt", "", ["no text"]),
  ])
  func `a corpus that cannot be trained on is refused with its place`(
    _ name: String, _ content: String, _ named: [String]
  ) throws {
    let scratch = try Scratch()
    try scratch.write(Array(content.utf8), name)
    for threadCount in [1, 2] {
      let error = #expect(throws: CorpusError.self) {
        try Self.train([scratch.file(name)], threadCount: threadCount)
      }
      for word in named { #expect(error?.description.contains(word) == true, "\(error?.description ?? "")") }
    }
  }
}
