import Foundation
import JSON
import Testing

@testable import Tokenizers

/// What the trainer of the `tokenizers` package (0.23.3) made of `Tests/Fixtures/training/corpus.jsonl`; both files are
/// written by `Tests/Python/tokenizers_check.py --fixture Tests/Fixtures/training`.
struct TrainingSample: Sendable, CustomTestStringConvertible {
  let recipe: TokenizerRecipe
  let splitsLines: Bool
  let tokens: [String]
  let merges: [String]

  var testDescription: String {
    "\(recipe.pieces), \(splitsLines ? "lines" : "documents"), \(recipe.vocabularySize) tokens"
  }

  private init(_ object: JSONValue) {
    let texts = { (key: String) in (object[key]?.listValue ?? []).compactMap(\.textValue) }
    recipe = TokenizerRecipe(
      vocabularySize: object["vocabulary"]?.integerValue ?? 0,
      pieces: object["pieces"]?.textValue.flatMap(TokenizerRecipe.Pieces.init) ?? .gpt2, special: texts("special"),
      minimumCount: object["minimum_count"]?.integerValue ?? 0)
    splitsLines = object["unit"] == "lines"
    tokens = texts("tokens")
    merges = texts("merges")
  }

  static let all = ((try? objects("expected.jsonl")) ?? []).map(TrainingSample.init)

  static func texts() throws -> [[UInt8]] {
    try objects("corpus.jsonl").map { Array(try #require($0["text"]?.textValue).utf8) }
  }

  private static func objects(_ name: String) throws -> [JSONValue] {
    let tests = URL(filePath: #filePath).resolvingSymlinksInPath().deletingLastPathComponent()
      .deletingLastPathComponent()
    let text = try String(contentsOf: tests.appending(path: "Fixtures/training/\(name)"), encoding: .utf8)
    return try text.split(separator: "\n").map { try JSONValue(json: String($0)) }
  }
}

@Suite struct MergeTrainerTests {
  private static func counts(_ pieces: [(String, Int)]) -> PieceCounts {
    var counts = PieceCounts()
    for (piece, count) in pieces {
      let bytes = Array(piece.utf8)
      counts.add(bytes.span, 0..<bytes.count, count: count)
    }
    return counts
  }

  /// Merges as texts, each of two tokens with a blank between them.
  private static func merges(
    _ pieces: [(String, Int)], vocabulary: Int = 1000, minimum: Int = 1, special: [String] = []
  ) -> [String] {
    let recipe = TokenizerRecipe(vocabularySize: vocabulary, special: special, minimumCount: minimum)
    return names(MergeTrainer(recipe, pieces: counts(pieces)).train { _ in })
  }

  private static func names(_ trained: TrainedTokenizer) -> [String] {
    trained.file.merges.map { merge in
      [merge.left, merge.right].map { ByteCharacters.text(of: trained.file.tokens[Int($0)]) }.joined(separator: " ")
    }
  }

  @Test func `the two tokens that occur most often are merged first`() {
    let pieces = [("hug", 10), ("pug", 5), ("pun", 12), ("bun", 4), ("hugs", 5)]
    #expect(Self.merges(pieces, vocabulary: 256 + 3) == ["u g", "u n", "h ug"])
    #expect(Self.merges(pieces) == ["u g", "u n", "h ug", "p un", "p ug", "hug s", "b un"])
    #expect(Self.merges(pieces, minimum: 5) == ["u g", "u n", "h ug", "p un", "p ug", "hug s"])
  }

  @Test func `of pairs that occur equally often the one with the smaller ids is merged first`() {
    #expect(Self.merges([("zy", 3), ("ab", 3), ("az", 3)]) == ["a b", "a z", "z y"])
    // Ids follow the characters that stand for bytes: a newline is Ċ (U+010A), behind all letters.
    #expect(Self.merges([("\n\n", 3), ("zz", 3)]) == ["z z", "Ċ Ċ"])
  }

  @Test func `a run of one letter is merged from the left`() {
    #expect(Self.merges([("aaaaa", 1)]) == ["a a", "aa a", "aa aaa"])
    #expect(Self.merges([("aaa", 4)]) == ["a a", "aa a"])
  }

  @Test func `special tokens have the first ids and bytes those of their characters`() {
    let recipe = TokenizerRecipe(vocabularySize: 300, special: ["<s>", "[A b]", "<s>"])
    let trained = MergeTrainer(recipe, pieces: Self.counts([("ab", 2)])).train { _ in }
    #expect(trained.file.tokens[..<3] == [Array("<s>".utf8), Array("[A b]".utf8), Array("!".utf8)][...])
    #expect(trained.vocabularySize == 2 + 256 + 1 && trained.mergeCount == 1)
    #expect(trained.file.special == [0, 1])
  }

  @Test func `a merge that makes a special token's text takes its id`() {
    #expect(Self.merges([("abc", 2)], special: ["ab"]) == ["a b", "ab c"])
    let recipe = TokenizerRecipe(vocabularySize: 1000, special: ["ab"], minimumCount: 1)
    let trained = MergeTrainer(recipe, pieces: Self.counts([("abc", 2)])).train { _ in }
    #expect(trained.file.merges.last?.left == 0 && trained.vocabularySize == 1 + 256 + 1)
  }

  @Test func `there is a trainer's result for every way to split`() {
    #expect(TrainingSample.all.count == 5)
    #expect(Set(TrainingSample.all.map(\.recipe.pieces)) == Set(TokenizerRecipe.Pieces.allCases))
  }

  @Test(arguments: TrainingSample.all)
  func `vocabulary and merges are those of the tokenizers package's trainer`(_ sample: TrainingSample) throws {
    let counter = PieceCounter(sample.recipe, splitsLines: sample.splitsLines)
    var counts = PieceCounts()
    for text in try TrainingSample.texts() { counter.count(text.span, into: &counts) }
    let trained = MergeTrainer(sample.recipe, pieces: counts).train { _ in }
    let merges = Self.names(trained)
    for (index, (found, expected)) in zip(merges, sample.merges).enumerated() {
      try #require(found == expected, "merge \(index)")
    }
    #expect(merges.count == sample.merges.count)
    let file = try JSONValue(json: String(decoding: try #require(trained.files["tokenizer.json"]), as: UTF8.self))
    guard case .mapping(let vocabulary) = file["model"]?["vocab"] else { throw NoVocabulary() }
    #expect(vocabulary.map(\.key) == sample.tokens)
  }

  private struct NoVocabulary: Error {}

  @Test(arguments: TokenizerRecipe.Pieces.allCases)
  func `any bytes survive a tokenizer that was trained on any bytes`(_ pieces: TokenizerRecipe.Pieces) throws {
    var draws = Draws(state: 9)
    let texts = (0..<300).map { _ in
      (0..<Int.random(in: 0...200, using: &draws)).flatMap { _ -> [UInt8] in
        switch Int.random(in: 0..<4, using: &draws) {
        case 0: Array(draws.text(parts: 1).utf8)
        case 1: Array(draws.text(parts: 1).utf8.dropLast())
        case 2: [UInt8.random(in: 0x80...0xF8, using: &draws), UInt8.random(in: 0x7F...0xC0, using: &draws)]
        default: [UInt8.random(in: 0...255, using: &draws)]
        }
      }
    }
    let recipe = TokenizerRecipe(vocabularySize: 2000, pieces: pieces, special: [])
    var counts = PieceCounts()
    for text in texts.prefix(150) { PieceCounter(recipe, splitsLines: false).count(text.span, into: &counts) }
    let files = MergeTrainer(recipe, pieces: counts).train { _ in }.files
    let tokenizer = try TokenizerFile.read(try #require(files["tokenizer.json"]), source: "f")
    #expect(tokenizer.mergeCount > 500)
    for text in texts {
      let ids = tokenizer.encode(text)
      try #require(ids.flatMap { tokenizer.parts.table[Int($0)] } == text)
      #expect(tokenizer.decode(ids).utf8.elementsEqual(String(decoding: text, as: UTF8.self).utf8))
    }
  }

  @Test func `a trained tokenizer reads as one, with an end of documents`() throws {
    for (special, end) in [(["<|endoftext|>"], "<|endoftext|>"), (["[X]", "[Y]"], "[X]"), (["[X]", "</s>"], "</s>")] {
      let recipe = TokenizerRecipe(vocabularySize: 300, pieces: .llama3, special: special)
      let files = MergeTrainer(recipe, pieces: Self.counts([("the", 9), (" the", 9)])).train { _ in }.files
      let tokenizer = try TokenizerFile.read(
        try #require(files["tokenizer.json"]), companions: files.filter { $0.key != "tokenizer.json" }, source: "f")
      #expect(tokenizer.endOfDocument == tokenizer.addedToken(end) && tokenizer.endOfDocument != nil)
      let ids = tokenizer.encode(Array("the the \(end)".utf8))
      #expect(tokenizer.decode(ids) == "the the \(end)" && ids.count == 4)
    }
  }
}

@Suite struct PieceCountsTests {
  @Test func `pieces of all lengths are counted, whatever tables they were counted in`() {
    var draws = Draws(state: 7)
    var expected: [[UInt8]: Int] = [:]
    var tables = (0..<3).map { _ in PieceCounts() }
    for _ in 0..<20_000 {
      let length = Int.random(in: 1...40, using: &draws)
      let bytes = (0..<length).map { _ in UInt8.random(in: 0...(length < 4 ? 255 : 1), using: &draws) }
      expected[bytes, default: 0] += 1
      tables[Int.random(in: 0..<3, using: &draws)].add(bytes.span, 0..<length)
    }
    var whole = tables[0]
    for table in tables.dropFirst() { whole.add(table) }
    var found: [[UInt8]: Int] = [:]
    whole.forEachSorted { found[$0] = $1 }
    #expect(found == expected && whole.count == expected.count)
    var other = tables[2]
    for table in tables.dropLast() { other.add(table) }
    var orders: [[[UInt8]]] = [[], []]
    whole.forEachSorted { bytes, _ in orders[0].append(bytes) }
    other.forEachSorted { bytes, _ in orders[1].append(bytes) }
    #expect(orders[0] == orders[1])
  }

  @Test func `the rarest pieces are forgotten first`() {
    var counts = PieceCounts()
    for number in 1...100 {
      let bytes = Array("piece \(number)\(number > 50 ? " that is a long one" : "")".utf8)
      counts.add(bytes.span, 0..<bytes.count, count: number)
    }
    counts.prune(to: 60)
    var least = Int.max
    counts.forEachSorted { least = min(least, $1) }
    #expect(counts.count <= 60 && counts.count >= 30)
    #expect(least == 101 - counts.count)
  }

  @Test(arguments: TokenizerRecipe.Pieces.allCases, [false, true])
  func `a text that is cut has the pieces of the whole`(_ pieces: TokenizerRecipe.Pieces, _ splitsLines: Bool) {
    let recipe = TokenizerRecipe(vocabularySize: 300, pieces: pieces)
    let counter = PieceCounter(recipe, splitsLines: splitsLines)
    var draws = Draws(state: 5)
    var cutCount = 0
    for _ in 0..<300 {
      let text = Array(draws.text(parts: 30).utf8)
      guard let cut = recipe.cut(splitsLines: splitsLines).last(in: text.span) else { continue }
      cutCount += 1
      var (whole, parts) = (PieceCounts(), PieceCounts())
      counter.count(text.span, into: &whole)
      counter.count(text.span.extracting(0..<cut), into: &parts)
      counter.count(text.span.extracting(cut..<text.count), into: &parts)
      var found: [[[UInt8]: Int]] = [[:], [:]]
      whole.forEachSorted { found[0][$0] = $1 }
      parts.forEachSorted { found[1][$0] = $1 }
      #expect(found[0] == found[1], "cut at \(cut): \(String(decoding: text, as: UTF8.self).debugDescription)")
    }
    #expect(cutCount > 100)
  }
}
