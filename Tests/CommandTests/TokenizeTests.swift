import Foundation
import JSON
import Testing

extension CommandTests {
  @Suite struct TokenizeTests {
    private static let fixture = Program.root + "/Tests/Fixtures/tokenizers/gpt2"

    @Test func `JSON lines become shards with a summary`() throws {
      let workspace = try Workspace()
      try workspace.write((0..<50).map { "{\"text\": \"document \($0)\", \"n\": \($0)}\n" }.joined(), "c.jsonl")
      let outcome = try workspace.catlm(
        "tokenize", "--tokenizer", Self.fixture, "--output", "shards", "--json", "c.jsonl"
      ).succeeded()
      let object = try #require(outcome.objects.first)
      #expect(object["documents"] == 50)
      let names = try FileManager.default.contentsOfDirectory(atPath: workspace.file("shards")).sorted()
      #expect(
        names == [
          "tokens_tokens.json", "tokens_train_000000.bin", "tokens_train_000000.documents", "tokens_val_000000.bin",
          "tokens_val_000000.documents",
        ])
      let again = try workspace.catlm(
        "tokenize", "--tokenizer", Self.fixture, "--output", "shards", "c.jsonl"
      ).succeeded()
      #expect(again.output.contains("there already"))
    }

    @Test func `a tokenizer travels in checkpoints and exports`() throws {
      let workspace = try Workspace()
      try FileManager.default.copyItem(atPath: Self.fixture, toPath: workspace.file("tokenizer"))
      try workspace.catlm("tokenize", "--tokenizer", "tokenizer", "--output", "shards", "text.txt").succeeded()
      let settings = [
        "data.tokenizer=tokenizer", "data.train=shards", "data.validation=shards", "model.vocab_size=400",
        "train.steps=2",
      ]
      let training = Workspace.training("run") + settings.flatMap { ["--set", $0] }
      try Command.catlm(training, in: workspace.path).run().succeeded()
      try FileManager.default.removeItem(atPath: workspace.file("tokenizer"))
      let generated = try workspace.catlm("generate", "run", "--prompt", "12 times", "--max-tokens", "4", "--json")
      #expect(try generated.succeeded().objects.first?["tokens"]?.listValue?.count == 4)
      try workspace.catlm("evaluate", "run", "--text", "text.txt", "--samples", "2").succeeded()
      try workspace.catlm("checkpoint", "export", "run", "exported").succeeded()
      let config = try JSONValue(
        json: String(decoding: workspace.bytes("exported/tokenizer_config.json"), as: UTF8.self))
      #expect(config["tokenizer_class"] == "PreTrainedTokenizerFast" && config["eos_token"] == "<|endoftext|>")
      let fixture = try Data(contentsOf: URL(filePath: Self.fixture + "/tokenizer.json"))
      #expect(try workspace.bytes("exported/tokenizer.json") == fixture)

      let missing = try Command.catlm(
        Workspace.training("other") + settings.flatMap { ["--set", $0] }, in: workspace.path
      ).run()
      #expect(missing.code == 2 && missing.errors.contains("data.tokenizer"), "\(missing.errors)")
    }

    @Test func `shards of another call are not overwritten`() throws {
      let workspace = try Workspace()
      let other = try workspace.catlm("tokenize", "--output", "data", "--validation-share", "0.2", "text.txt")
      #expect(other.code == 2 && other.errors.contains("validation differ"), "\(other.errors)")
      let name = try workspace.catlm("tokenize", "--output", "data", "--name", "more", "text.txt")
      #expect(name.code == 2 && name.errors.contains("there already"), "\(name.errors)")
    }

    @Test(arguments: ["../x", "a/b", "", ".hidden"])
    func `a name that leads out of the output is refused`(_ name: String) throws {
      let workspace = try Workspace()
      let outcome = try workspace.catlm("tokenize", "--output", "shards", "--name", name, "text.txt")
      #expect(outcome.code == 2 && outcome.errors.contains("--name"), "\(outcome.errors)")
      #expect(!FileManager.default.fileExists(atPath: workspace.file("shards")))
    }

    @Test func `the smallest texts are divided, or it is said that they were not`() throws {
      let workspace = try Workspace()
      try workspace.write("ab", "two.txt")
      let two = try workspace.catlm("tokenize", "--output", "two", "two.txt").succeeded()
      #expect(two.output.hasSuffix("1 token\n2 documents, 2 tokens, 1.00 bytes a token\n"), "\(two.output)")
      #expect(two.errors.isEmpty, "\(two.errors)")
      try workspace.write("a", "one.txt")
      let one = try workspace.catlm("tokenize", "--output", "one", "one.txt").succeeded()
      #expect(one.output.hasSuffix("1 token\n1 document, 1 token, 1.00 bytes a token\n"), "\(one.output)")
      #expect(
        one.errors
          == "tokenize: no training shard: 1 document of 1 byte left nothing for it at --validation-share 0.1\n")
    }

    @Test(arguments: [SIGINT, SIGTERM, SIGHUP])
    func `a signal ends it at once and leaves no temporary file`(_ signal: Int32) throws {
      let workspace = try Workspace()
      // A pipe that nobody closes: the call waits for more text.
      let pipe = workspace.file("pipe")
      try #require(mkfifo(pipe, 0o600) == 0)
      let writer = open(pipe, O_RDWR)
      defer { close(writer) }
      let arguments = ["tokenize", "--output", "shards", "--separator", "\n", "--validation-share", "0", "pipe"]
      let running = try Command.catlm(arguments, in: workspace.path).withDefaultSignals.start()
      let text = Array(String(repeating: "some text\n", count: 4096).utf8)
      func names() -> [String] {
        (try? FileManager.default.contentsOfDirectory(atPath: workspace.file("shards"))) ?? []
      }
      try running.wait {
        _ = fcntl(writer, F_SETFL, O_NONBLOCK)
        _ = text.withUnsafeBytes { write(writer, $0.baseAddress, $0.count) }
        return names().contains { $0.hasSuffix(".tmp") }
      }
      running.send(signal)
      let outcome = try running.wait()
      #expect(outcome.code == 128 + signal, "\(outcome.code) \(outcome.errors)")
      #expect(names().isEmpty, "\(names())")
    }
  }
}
