import Foundation
import JSON
import Testing

extension CommandTests {
  @Suite struct TokenizerCommandTests {
    private static let fixture = Program.root + "/Tests/Fixtures/tokenizers/llama3"

    @Test func `lines of text become ids and text again, in order`() throws {
      let workspace = try Workspace()
      try workspace.write(
        """
        {"text": "hello  world's"}
        {"text": "", "other": 1}

        {"text": "naïve\\n"}

        """, "texts.jsonl")
      let encoded = try workspace.catlm("tokenizer", "encode", Self.fixture, "texts.jsonl").succeeded()
      let ids = try encoded.objects.map { try #require($0["ids"]?.listValue).compactMap(\.integerValue) }
      #expect(ids.count == 3 && ids[1].count == 2)
      try workspace.write(encoded.output, "ids.jsonl")
      let decoded = try workspace.catlm("tokenizer", "decode", "--skip-special", Self.fixture, "ids.jsonl").succeeded()
      #expect(try decoded.objects.map { $0["text"]?.textValue } == ["hello  world's", "", "naïve\n"])
      let bare = try workspace.catlm("tokenizer", "encode", "--no-special", Self.fixture, "texts.jsonl").succeeded()
      #expect(try bare.objects.map { $0["ids"]?.listValue?.count } == ids.map { $0.count - 2 })
    }

    @Test func `a tokenizer says what it is`() throws {
      let info = try Command.catlm(["tokenizer", "info", Self.fixture + "/tokenizer.json", "--json"]).run().succeeded()
      let object = try #require(info.objects.first)
      #expect(object["kind"] == "byte-level BPE" && object["special_tokens"]?["<|endoftext|>"] == 0)
      let text = try Command.catlm(["tokenizer", "info", "bytes"]).run().succeeded().output
      #expect(text.contains("vocabulary_size: 256"))
    }

    @Test(arguments: [
      (["encode", "absent.json"], "", ["absent.json", "no such file"]),
      (["encode", "bytes"], "{\"text\": \"a\"}\n{\"txt\": 1}\n", ["lines.jsonl:2", "\"text\""]),
      (["encode", "bytes"], "{\"text\": 1}\n", ["lines.jsonl:1", "no text"]),
      (["encode", "bytes"], "hello\n", ["lines.jsonl:1", "no JSON"]),
      (["decode", "bytes"], "{\"ids\": [1, 256]}\n", ["lines.jsonl:1", "id 256", "0..<256"]),
      (["decode", "bytes"], "{\"ids\": [-1]}\n", ["lines.jsonl:1", "id -1"]),
      (["decode", "bytes"], "{\"ids\": 1}\n", ["lines.jsonl:1", "no list"]),
    ])
    func `bad lines are refused with their place`(_ command: [String], _ lines: String, _ named: [String]) throws {
      let workspace = try Workspace()
      try workspace.write(lines, "lines.jsonl")
      let outcome = try Command.catlm(["tokenizer"] + command + ["lines.jsonl"], in: workspace.path).run()
      #expect(outcome.code == 2 && outcome.errorLines.count == 1)
      for name in named { #expect(outcome.errors.contains(name), "\(outcome.errors)") }
    }
  }
}
