import Foundation
import JSON
import Testing

extension CommandTests {
  /// `catlm tokenizer train`, from texts to a tokenizer that other commands use.
  @Suite struct TokenizerTrainTests {
    /// Some 200 KB of words, a few of them often.
    private static let text = (0..<8000).map { number in
      let name = ["Ada", "Béla", "Chen", "Dora"][number * number % 4]
      return "\(name) counts sheep number \(number % 97) and \(number * 31 % 13) goats.\n"
    }.joined()

    @Test func `a tokenizer of one's own goes from text to generated text`() throws {
      let workspace = try Workspace()
      try workspace.write(Self.text, "corpus.txt")
      let trained = try workspace.catlm("tokenizer", "train", "--vocabulary", "350", "corpus.txt").succeeded()
      #expect(trained.output.contains("tokenizer/tokenizer.json: 350 tokens, 93 merges"), "\(trained.output)")
      try workspace.catlm("tokenize", "--tokenizer", "tokenizer", "--output", "shards", "corpus.txt").succeeded()
      let settings = [
        "data.tokenizer=tokenizer", "data.train=shards", "data.validation=shards", "model.vocab_size=350",
        "train.steps=40", "optimizer.learning_rate=0.01",
      ]
      let training = Workspace.training("run") + settings.flatMap { ["--set", $0] }
      try Command.catlm(training, in: workspace.path).run().succeeded()
      try FileManager.default.removeItem(atPath: workspace.file("tokenizer"))
      let losses = try workspace.losses()
      #expect(try #require(losses.last) < 0.8 * losses[0], "\(losses)")
      let generated = try workspace.catlm(
        "generate", "run", "--prompt", "Béla counts", "--max-tokens", "8", "--json"
      ).succeeded()
      let object = try #require(generated.objects.first)
      #expect(object["tokens"]?.listValue?.count == 8)
      #expect(try #require(object["text"]?.textValue).contains(" "), "\(generated.output)")
      try workspace.catlm("evaluate", "run", "--text", "corpus.txt", "--samples", "2").succeeded()
    }

    @Test func `what was trained is said in JSON and does not depend on threads`() throws {
      let workspace = try Workspace()
      try workspace.write(Self.text, "corpus.txt")
      for threads in ["1", "2"] {
        let outcome = try workspace.catlm(
          "tokenizer", "train", "--vocabulary", "330", "--pieces", "llama3", "--whole-documents", "--special", "<s>",
          "--special", "</s>", "--threads", threads, "--output", "t\(threads)", "--json", "corpus.txt"
        ).succeeded()
        let object = try #require(outcome.objects.first)
        #expect(object["vocabulary_size"] == 330 && object["merges"] == 72 && object["rare_pieces_forgotten"] == false)
        #expect(object["bytes"]?.integerValue == Self.text.utf8.count)
      }
      for name in ["tokenizer.json", "tokenizer_config.json"] {
        #expect(try workspace.bytes("t1/" + name) == workspace.bytes("t2/" + name))
      }
      let info = try workspace.catlm("tokenizer", "info", "t1", "--json").succeeded()
      #expect(try info.objects.first?["end_of_document"] == 1)
    }

    @Test func `a text with few pairs has fewer tokens than asked for, and says so`() throws {
      let workspace = try Workspace()
      try workspace.write("ab ab ab", "short.txt")
      let outcome = try workspace.catlm("tokenizer", "train", "--special", "none", "short.txt").succeeded()
      #expect(outcome.output.contains("258 tokens, 2 merges") && outcome.output.contains("fewer than 32768"))
    }

    @Test func `a tokenizer that is there is not overwritten`() throws {
      let workspace = try Workspace()
      try workspace.catlm("tokenizer", "train", "--vocabulary", "300", "text.txt").succeeded()
      let before = try workspace.bytes("tokenizer/tokenizer.json")
      let again = try workspace.catlm("tokenizer", "train", "--vocabulary", "280", "text.txt")
      #expect(again.code == 2 && again.errors.contains("tokenizer/tokenizer.json: there already"), "\(again.errors)")
      #expect(try workspace.bytes("tokenizer/tokenizer.json") == before)
    }

    @Test func `a training that is interrupted leaves no file`() throws {
      let workspace = try Workspace()
      // Nobody writes into the pipe, so that training waits for text.
      try #require(mkfifo(workspace.file("pipe.txt"), 0o600) == 0)
      let running = try Command.catlm(
        ["tokenizer", "train", "--output", "out", "text.txt", "pipe.txt"], in: workspace.path
      ).withDefaultSignals.start()
      try running.wait { FileManager.default.fileExists(atPath: workspace.file("out")) }
      running.send(SIGINT)
      #expect(try running.wait().code != 0)
      #expect(try FileManager.default.contentsOfDirectory(atPath: workspace.file("out")).isEmpty)
    }

    @Test(arguments: [
      (["--vocabulary", "255", "text.txt"], ["--vocabulary", "255", "257"]),
      (["--vocabulary", "257", "--special", "a", "--special", "b", "text.txt"], ["--vocabulary", "257", "258"]),
      (["--vocabulary", "many", "text.txt"], ["--vocabulary", "many"]),
      (["--minimum-count=-1", "text.txt"], ["--minimum-count", "-1"]),
      (["--pieces", "words", "text.txt"], ["--pieces", "words", "gpt2", "llama3", "qwen"]),
      (["--special", "", "text.txt"], ["--special", "nothing"]),
      (["--separator", "", "text.txt"], ["--separator", "nothing"]),
      (["--threads", "0", "text.txt"], ["--threads", "0"]),
      (["absent.txt"], ["absent.txt"]),
      (["*.absent"], ["*.absent", "no file"]),
      (["--field", "content", "text.txt"], ["text.txt:1", "JSON"]),
      (["--output", "text.txt/t", "text.txt"], ["text.txt/t"]),
      (["-"], ["no text"]),
      ([], ["files"]),
    ])
    func `bad input is refused in one line`(_ arguments: [String], _ named: [String]) throws {
      let workspace = try Workspace()
      let outcome = try Command.catlm(["tokenizer", "train"] + arguments, in: workspace.path).run()
      #expect(outcome.code == 2 && outcome.errorLines.count == 1, "\(outcome.errors)")
      for name in named { #expect(outcome.errors.contains(name), "\(outcome.errors)") }
      #expect(!FileManager.default.fileExists(atPath: workspace.file("tokenizer/tokenizer.json")))
    }
  }
}
