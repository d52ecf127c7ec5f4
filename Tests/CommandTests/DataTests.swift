import Foundation
import JSON
import Testing

extension CommandTests {
  /// `catlm data info`, and training on shards of other programs.
  @Suite struct DataTests {
    @Test func `data info says what shards hold`() throws {
      let workspace = try Workspace()
      let training = (try workspace.bytes("data/tokens_train_000000.bin").count - 1024) / 2
      let whole = (try workspace.bytes("text.txt")).count
      let outcome = try workspace.catlm("data", "info", "data", "--context", "32", "--json").succeeded()
      let object = try #require(outcome.objects.first)
      #expect(outcome.outputLines.count == 1 && outcome.errors.isEmpty)
      let files = try #require(object["files"]?.listValue)
      #expect(files.count == 2 && files[0]["path"] == "data/tokens_train_000000.bin")
      #expect(files[0]["format"] == "llm.c" && files[0]["id_type"] == "uint16")
      #expect(files[0]["tokens"]?.integerValue == training && object["tokens"]?.integerValue == whole)
      #expect(files[0]["samples"]?.integerValue == (training - 1) / 32 && object["documents"] == 2)
      #expect(object["smallest_id"] == 10 && object["largest_id"] == 116)
      #expect(object["example"]?["text"]?.textValue?.hasPrefix("0 times 0 is 0\n1 times 1") == true)
      let text = try workspace.catlm("data", "info", "data/*.bin", "--context", "32").succeeded().output
      for part in ["smallest id", "all 2", "llm.c", "\"0 times 0 is 0\\n1 times"] {
        #expect(text.contains(part), "\(text)")
      }
    }

    @Test func `data info reads files without a header, and decodes by a tokenizer`() throws {
      let workspace = try Workspace()
      try Data((0..<300).flatMap { [UInt8(32 + $0 % 40), 1] }).write(to: URL(filePath: workspace.file("train.bin")))
      let bare = try workspace.catlm("data", "info", "--format", "nanogpt", "train.bin", "--json").succeeded()
      let object = try #require(try bare.objects.first)
      #expect(object["largest_id"] == 327 && object["example"]?["text"] == .null && object["documents"] == .null)
      #expect(object["files"]?.listValue?.first?["format"] == "nanogpt" && object["samples"] == .null)
      let tokenizer = Program.root + "/Tests/Fixtures/tokenizers/llama3"
      let decoded = try workspace.catlm(
        "data", "info", "--format", "nanogpt", "train.bin", "--json", "--tokenizer", tokenizer
      ).succeeded()
      #expect(try decoded.objects.first?["example"]?["text"]?.textValue?.isEmpty == false)
    }

    @Test(arguments: [
      (["train.bin"], ["train.bin", "--format nanogpt"]), (["absent"], ["absent"]),
      (["data", "--context", "0"], ["--context"]),
      (["data", "--format", "raw"], ["--format", "raw", "nanogpt"]), (["*.none"], ["*.none"]),
      (
        ["--format", "nanogpt", "train.bin", "--tokenizer", "bytes"],
        ["train.bin", "id 288 at position 0 (byte 0)", "0..<256"]
      ),
      (["text.txt"], ["text.txt", "looks like text", "catlm tokenize"]),
      (["--format", "nanogpt", "data/tokens_train_000000.bin"], ["a header of llm.c", "auto"]),
      (["broken.idx"], ["broken.idx", "version 2"]), (["data", "--tokenizer", "absent.json"], ["absent.json"]),
      ([], ["paths"]),
    ])
    func `data info refuses what it cannot read in one line`(_ arguments: [String], _ named: [String]) throws {
      let workspace = try Workspace()
      try Data((0..<3000).flatMap { [UInt8(32 + $0 % 64), 1] }).write(to: URL(filePath: workspace.file("train.bin")))
      try Data("MMIDIDX\0\0\u{2}\0\0\0\0\0\0\0\u{8}".utf8 + [UInt8](repeating: 0, count: 16))
        .write(to: URL(filePath: workspace.file("broken.idx")))
      try Data().write(to: URL(filePath: workspace.file("broken.bin")))
      let outcome = try Command.catlm(["data", "info"] + arguments, in: workspace.path).run()
      #expect(outcome.code == 2 && outcome.errorLines.count == 1 && outcome.output.isEmpty, "\(outcome.errors)")
      for name in named { #expect(outcome.errors.contains(name), "\(outcome.errors)") }
    }

    @Test func `under mpirun data info is said once`() throws {
      let workspace = try Workspace()
      let outcome = try Command.mpirun(ranks: 2, ["data", "info", "data", "--json"], in: workspace.path).run()
        .succeeded()
      #expect(outcome.outputLines.count == 1)
    }

    @Test func `the same ids train to the same weights from files of every program`() throws {
      let workspace = try Workspace()
      let shard = try workspace.bytes("data/tokens_train_000000.bin")
      let ids = Array(shard[1024...])
      try Data(ids).write(to: URL(filePath: workspace.file("train.bin")))
      try Data(ids).write(to: URL(filePath: workspace.file("megatron.bin")))
      func little(_ value: Int, _ count: Int) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
      }
      let head = Array("MMIDIDX\0\0".utf8) + little(1, 8) + [8] + little(1, 8) + little(2, 8)
      try Data(head + little(ids.count / 2, 4) + [0, 0, 1].flatMap { little($0, 8) })
        .write(to: URL(filePath: workspace.file("megatron.idx")))
      let short = ["--set", "train.steps=4", "--set", "data.validation=[]"]
      let expected = try Command.catlm(
        Workspace.training("one") + short + ["--set", "data.train=data/tokens_train_000000.bin"], in: workspace.path
      ).run().succeeded()
      #expect(expected.code == 0)
      for (run, settings) in [
        ("bare", ["data.train=train.bin", "data.format=nanogpt"]), ("megatron", ["data.train=megatron"]),
        ("mixed", ["data.train=[]", "data.sources=[{path: train.bin, format: nanogpt, weight: 3}]"]),
      ] {
        let arguments = Workspace.training(run) + short + settings.flatMap { ["--set", $0] }
        try Command.catlm(arguments, in: workspace.path).run().succeeded()
        #expect(try workspace.losses(run: run) == workspace.losses(run: "one"))
      }
    }

    @Test func `bad sources end with code 2 and one line that names them`() throws {
      let workspace = try Workspace()
      for (setting, named) in [
        ("data.sources=[data]", ["data.sources", "sources beside train"]),
        ("data.sources=[{path: absent}]", ["data.sources[0].path", "absent"]),
        ("data.sources=[{path: data, weight: -1}]", ["data.sources[0].weight", "-1"]),
        (
          "data.sources=[{path: data}, {path: data, weight: 0.1234567}]", ["data.sources", "0.1234567", "fewer digits"]
        ),
        ("data.format=raw", ["data.format", "raw", "nanogpt"]),
      ] {
        let train = setting.contains("beside") || setting == "data.sources=[data]" ? [] : ["--set", "data.train=[]"]
        let settings = setting.hasPrefix("data.format") ? [] : train
        let outcome = try Command.catlm(
          Workspace.training("run") + settings + ["--set", setting], in: workspace.path
        ).run()
        #expect(outcome.code == 2 && outcome.errorLines.count == 1, "\(setting): \(outcome.errors)")
        for name in named { #expect(outcome.errors.contains(name), "\(setting): \(outcome.errors)") }
      }
    }
  }
}
