import Foundation
import JSON
import Testing

extension CommandTests {
  /// `catlm tokenize` under a launcher: every rank encodes, the first writes.
  @Suite struct TokenizeRankTests {
    private static let fixture = Program.root + "/Tests/Fixtures/tokenizers/llama3"

    /// Documents of many lengths, more than ranks take at once.
    private static let documents = (0..<3000).map { number in
      (0...(number * number % 50)).map { "word \(number % 89) and \($0 * 7 % 13), naïve " }.joined()
    }
    private static let lines = documents.map { "{\"text\": \"\($0)\"}\n" }

    private let workspace: Workspace

    init() throws {
      workspace = try Workspace()
      try workspace.write(Self.lines.joined(), "corpus.jsonl")
      try workspace.write(Self.documents.joined(separator: "\n"), "corpus.txt")
    }

    private func arguments(_ output: String, _ corpus: String, threads: Int = 1) -> [String] {
      [
        "tokenize", "--tokenizer", Self.fixture, "--shard-tokens", "200000", "--threads", "\(threads)", "--output",
        output,
        corpus,
      ]
    }

    /// Every shard and document index of a directory.
    private func files(_ directory: String) throws -> [String: Data] {
      let names = try FileManager.default.contentsOfDirectory(atPath: workspace.file(directory))
      return try Dictionary(
        uniqueKeysWithValues: names.filter { !$0.hasSuffix(".json") }.map {
          ($0, try workspace.bytes(directory + "/" + $0))
        })
    }

    @Test(arguments: ["corpus.jsonl", "corpus.txt"])
    func `the shards do not depend on the numbers of ranks and threads`(_ corpus: String) throws {
      let alone = try Command.catlm(arguments("alone", corpus), in: workspace.path).run().succeeded()
      let expected = try files("alone")
      #expect(expected.count >= 6, "\(expected.keys.sorted())")
      for (ranks, threads) in [(1, 2), (2, 1), (3, 2)] {
        let output = "on-\(ranks)-\(threads)"
        let outcome = try Command.mpirun(
          ranks: ranks, arguments(output, corpus, threads: threads), in: workspace.path
        ).run().succeeded()
        #expect(try files(output) == expected, "\(ranks) ranks of \(threads) threads")
        #expect(outcome.output.replacing(output + "/", with: "alone/") == alone.output)
      }
    }

    @Test func `ranks go on behind the last whole shards of a call that was stopped`() throws {
      try Command.catlm(arguments("alone", "corpus.jsonl"), in: workspace.path).run().succeeded()
      // The same file as far as its size and its time tell, with a line that is no JSON.
      let whole = Self.lines.joined()
      let broken = Self.lines.indices.map { $0 == 2000 ? "[" + Self.lines[$0].dropFirst() : Self.lines[$0] }.joined()
      let write = { (text: String) in
        try workspace.write(text, "corpus.jsonl")
        try FileManager.default.setAttributes(
          [.modificationDate: Date(timeIntervalSince1970: 1e9)], ofItemAtPath: workspace.file("corpus.jsonl"))
      }
      try write(broken)
      let stopped = try Command.mpirun(ranks: 2, arguments("ranks", "corpus.jsonl"), in: workspace.path).run()
      #expect(stopped.code == 2, "\(stopped.errors)")
      #expect(stopped.errorLines.count { $0.contains("corpus.jsonl:2001") } == 1, "\(stopped.errors)")
      try write(whole)
      let resumed = try Command.mpirun(
        ranks: 3, arguments("ranks", "corpus.jsonl"), in: workspace.path
      ).run().succeeded()
      #expect(resumed.output.contains("went on behind"), "\(resumed.output)")
      #expect(try files("ranks") == files("alone"))
    }

    @Test func `a file that is not there is said once`() throws {
      let outcome = try Command.mpirun(ranks: 3, arguments("out", "absent.txt"), in: workspace.path).run()
      #expect(outcome.code == 2, "\(outcome.errors)")
      #expect(outcome.errorLines.count { $0.contains("absent.txt") } == 1, "\(outcome.errors)")
      #expect(!FileManager.default.fileExists(atPath: workspace.file("out")))
    }

    @Test func `ranks that were given other files end together`() throws {
      let outcome = try Command.mpirun(
        each: [arguments("out", "corpus.txt"), arguments("out", "corpus.jsonl")], in: workspace.path
      ).run()
      #expect(outcome.code == 2 && outcome.errors.contains("rank 1: found other work"), "\(outcome.errors)")
    }
  }
}
