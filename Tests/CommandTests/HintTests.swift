import Foundation
import Settings
import Testing

/// What refusals say beyond the refusal: how to go on.
extension CommandTests {
  @Suite struct HintTests {
    private func refused(_ outcome: Outcome, _ parts: String...) {
      #expect(
        outcome.code == 2 && outcome.errorLines.count { $0.hasPrefix("catlm: ") } == 1,
        "\(outcome.code): \(outcome.errors)")
      for part in parts { #expect(outcome.errors.contains(part), "\(part): \(outcome.errors)") }
    }

    @Test func `shards without a header are told to be nanoGPT's, text to be tokenized`() throws {
      let workspace = try Workspace()
      let ids = (0..<3000).flatMap { [UInt8(truncatingIfNeeded: $0 * 7), UInt8($0 % 196)] }
      try Data(ids).write(to: URL(filePath: workspace.file("train.bin")))
      refused(
        try workspace.train("--set", "data.train=train.bin"), "data.train: train.bin", "nanoGPT",
        "data.format: nanogpt", "--format nanogpt")
      refused(
        try workspace.train("--set", "data.train=text.txt"), "data.train: text.txt", "looks like text",
        "catlm tokenize --output DIRECTORY text.txt")
      try FileManager.default.createDirectory(atPath: workspace.file("texts"), withIntermediateDirectories: true)
      refused(try workspace.train("--set", "data.train=texts"), "data.train: texts", "catlm tokenize")
    }

    @Test func `a directory without shards of the split is told the rule for names`() throws {
      let workspace = try Workspace()
      try workspace.catlm("tokenize", "--output", "whole", "--validation-share", "0", "text.txt").succeeded()
      refused(
        try workspace.train("--set", "data.validation=whole"), "data.validation: whole", "_train_", "_val_",
        "1 shards named for another split")
    }

    @Test func `a run stands for its newest checkpoint wherever one is wanted`() throws {
      let workspace = try Workspace(isTrained: true)
      for name in ["run", "run/", "run/checkpoints", "run/checkpoints/", "run/checkpoints/latest"] {
        for command in [["checkpoint", "inspect"], ["evaluate", "--samples", "2"]] {
          try Command.catlm(command + [name], in: workspace.path).run().succeeded()
        }
      }
      let verified = try workspace.catlm("checkpoint", "verify", "run").succeeded()
      #expect(verified.outputLines.count == 3, "\(verified.output)")
      try workspace.catlm("checkpoint", "diff", "run", "run/checkpoints/step-00000012").succeeded()
      try workspace.catlm("checkpoint", "export", "run/checkpoints", "out").succeeded()
      try workspace.catlm("checkpoint", "import", "run", "home").succeeded()
      let resumed = try workspace.train(run: "second", "--resume", "run", "--set", "train.steps=14").succeeded()
      #expect(resumed.errors.contains("step-00000012"), "\(resumed.errors)")
      #expect(try workspace.losses(run: "second").count == 2)
      try workspace.train(run: "third", "--set", "train.initial_weights=run", "--set", "train.steps=1").succeeded()
      refused(try workspace.train(run: "fourth", "--resume", "out"), "it holds a model, not a run", "initial_weights")
    }

    @Test func `a value of --set is blamed on the option, others on the file`() throws {
      let workspace = try Workspace()
      for (value, key) in [
        ("train.steps=many", "train.steps"), ("train.chunk_sizes=[2, x]", "train.chunk_sizes[1]"),
        ("train.chunk_sizes=[2, 99]", "train.chunk_sizes[1]"), ("data.context=64", "data.context"),
      ] {
        let outcome = try workspace.train("--set", value)
        refused(outcome, "catlm: --set \(value): \(key): ")
        #expect(!outcome.errors.contains("tiny.yaml"), "\(outcome.errors)")
      }
      refused(try workspace.train("--set", "train.steps"), "catlm: --set: found \"train.steps\"")
      let text = try String(contentsOfFile: workspace.file("tiny.yaml"), encoding: .utf8)
      try workspace.write(text.replacing("steps: 12", with: "steps: -1"), "wrong.yaml")
      refused(try workspace.catlm("train", "wrong.yaml", "--set", "train.seed=1"), "catlm: wrong.yaml: train.steps: ")
    }

    @Test(arguments: ["2,8", "[2,8]", "[2, 8]", " 2, 8"])
    func `a list of numbers may have brackets or not`(_ list: String) throws {
      let workspace = try Workspace(isTrained: true)
      try workspace.train(run: "other", "--set", "train.chunk_sizes=\(list)", "--set", "train.steps=1").succeeded()
      let config = try RunFile(path: workspace.file("other/config.yaml"), overrides: []).root
      #expect(config["train"]?["chunk_sizes"] == [2, 8])
      let rows = try workspace.catlm("evaluate", "run", "--samples", "2", "--json", "--chunk-sizes", list).succeeded()
      #expect(try rows.objects.map { $0["chunk_size"] } == [2, 8])
    }

    @Test func `an unknown key is named with the nearest, before anything is said to be missing`() throws {
      let workspace = try Workspace()
      let text = try String(contentsOfFile: workspace.file("tiny.yaml"), encoding: .utf8)
      for (old, new, named, meant) in [
        ("train:\n", "trian:\n", "trian: unknown key", "did you mean train?"),
        ("batch_size:", "batchsize:", "train.batchsize: unknown key", "did you mean train.batch_size?"),
        ("  context:", "  contxt:", "data.contxt: unknown key", "did you mean data.context?"),
        (
          "  steps: 12", "  learning_rate: 12", "train.learning_rate: unknown key",
          "did you mean optimizer.learning_rate?"
        ),
        ("max_chunk_size:", "chunk_size:", "model.chunk_size: unknown key", "allowed here: "),
      ] {
        try workspace.write(text.replacing(old, with: new), "wrong.yaml")
        let outcome = try workspace.catlm("train", "wrong.yaml")
        refused(outcome, "wrong.yaml: " + named, meant)
        #expect(!outcome.errors.contains("missing"), "\(outcome.errors)")
      }
    }

    @Test(arguments: [
      (["trian", "tiny.yaml"], "unknown command trian; did you mean catlm train?"),
      (["trian", "--help"], "did you mean catlm train?"),
      (["export", "--help"], "unknown command export; did you mean catlm checkpoint export?"),
      (["verify", "run"], "did you mean catlm checkpoint verify?"),
      (
        ["checkpoint", "verfy", "run"], "checkpoint: unknown command verfy; did you mean catlm checkpoint verify?"
      ),
    ])
    func `an unknown command is refused with the nearest, be there --help or not`(_ words: [String], _ part: String)
      throws
    {
      let outcome = try Command.catlm(words).run()
      refused(outcome, part, "allowed: ")
      #expect(outcome.output.isEmpty)
    }

    @Test func `a negative number after an option is its value`() throws {
      let workspace = try Workspace()
      refused(
        try workspace.catlm("generate", "run", "--prompt", "a", "--max-tokens", "-1"),
        "--max-tokens: found -1, allowed: 0 and more")
      refused(
        try workspace.catlm("generate", "run", "--prompt", "a", "--temperature", "-0.5"),
        "--temperature: found -0.5, allowed: 0.0 and more")
    }

    @Test func `a directory as a run file is refused, and a byte order mark read over`() throws {
      let workspace = try Workspace(isTrained: true)
      refused(try workspace.catlm("train", "data"), "data: cannot be read: is a directory, not a run file")
      refused(try workspace.catlm("train", "run"), "the configuration in it is run/config.yaml")
      let text = try String(contentsOfFile: workspace.file("tiny.yaml"), encoding: .utf8)
      try workspace.write("\u{FEFF}" + text, "marked.yaml")
      try workspace.catlm("train", "marked.yaml", "--set", "train.steps=1").succeeded()
      try #require(text.data(using: .utf16)).write(to: URL(filePath: workspace.file("wide.yaml")))
      refused(try workspace.catlm("train", "wide.yaml"), "UTF-16, not UTF-8")
    }

    @Test func `a model of an unknown architecture is refused with all that are known`() throws {
      let workspace = try Workspace(isTrained: true)
      try workspace.catlm("checkpoint", "export", "run", "out").succeeded()
      let config = try String(contentsOfFile: workspace.file("out/config.json"), encoding: .utf8)
      try workspace.write(
        config.replacing("\"model_type\": \"cat\"", with: "\"model_type\": \"gpt2\""), "out/config.json")
      refused(
        try workspace.catlm("checkpoint", "import", "out", "home"), "model_type: found \"gpt2\"",
        "cat, cat_fixed, hybrid, llama, mistral, qwen2, qwen3", "reference code")
    }

    @Test func `initial weights of another model are refused with every difference and the section that fits`() throws {
      let workspace = try Workspace(isTrained: true)
      let outcome = try workspace.train(
        run: "second", "--set", "train.initial_weights=run", "--set", "model.hidden_size=48", "--set",
        "model.num_heads=3", "--set", "model.compressor_num_layers=2")
      refused(
        outcome, "hidden_size is 48, theirs 32", "num_heads is 3, theirs 2", "compressor_num_layers is 2, theirs 1",
        "catlm checkpoint inspect", "--model-section")
      let section = try workspace.catlm("checkpoint", "inspect", "run", "--model-section").succeeded().output
      let text = try String(contentsOfFile: workspace.file("tiny.yaml"), encoding: .utf8)
      let rest = try #require(text.firstRange(of: "data:")).lowerBound
      try workspace.write(section + text[rest...], "same.yaml")
      try workspace.catlm(
        "train", "same.yaml", "--set", "train.initial_weights=run", "--set", "train.steps=1"
      ).succeeded()
    }
  }
}
