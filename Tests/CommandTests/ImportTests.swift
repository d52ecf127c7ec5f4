import Foundation
import JSON
import Testing

extension CommandTests {
  @Suite struct ImportTests {
    @Test func `an exported model comes home and is evaluated, generated from and trained on`() throws {
      let workspace = try Workspace(isTrained: true)
      try workspace.catlm("checkpoint", "export", "run", "out", "--shard-bytes", "20000").succeeded()
      let imported = try workspace.catlm("checkpoint", "import", "out", "home").succeeded()
      #expect(imported.output.hasPrefix("home: cat model of out, 37 tensors"), "\(imported.output)")
      try workspace.catlm("checkpoint", "verify", "home").succeeded()

      let evaluation = ["--text", "text.txt", "--chunk-sizes", "4", "--samples", "8", "--threads", "1", "--json"]
      let losses = try ["run", "home", "out"].map {
        try Command.catlm(["evaluate", $0] + evaluation, in: workspace.path).run().succeeded().objects.map {
          $0["loss"]
        }
      }
      #expect(losses[0].count == 1 && losses[1] == losses[0] && losses[2] == losses[0])

      let generation = ["--prompt", "12 times", "--max-tokens", "9", "--json"]
      let tokens = try ["run", "home"].map {
        try Command.catlm(["generate", $0] + generation, in: workspace.path).run().succeeded().objects[0]["tokens"]
      }
      #expect(tokens[0]?.listValue?.count == 9 && tokens[0] == tokens[1])

      try workspace.train(run: "tuned", "--set", "train.initial_weights=home", "--set", "train.steps=2").succeeded()
      let (fresh, tuned) = (try workspace.losses(), try workspace.losses(run: "tuned"))
      #expect(tuned[0] < fresh[0] - 0.1, "the first loss: \(fresh[0]) from scratch, \(tuned[0]) with given weights")
    }

    @Test func `every tensor that does not fit is listed with code 2`() throws {
      let workspace = try Workspace(isTrained: true)
      try workspace.catlm("checkpoint", "export", "run", "out").succeeded()
      let config = try String(contentsOfFile: workspace.file("out/config.json"), encoding: .utf8)
      try workspace.write(
        config.replacing("\"num_hidden_layers\": 2", with: "\"num_hidden_layers\": 3")
          .replacing("\"vocab_size\": 256", with: "\"vocab_size\": 300"), "out/config.json")
      let outcome = try workspace.catlm("checkpoint", "import", "out", "home")
      #expect(outcome.code == 2)
      // Three tables of the vocabulary, and nine tensors of the third layer.
      #expect(outcome.errorLines.count == 1 + 3 + 9, "\(outcome.errors)")
      for part in [
        "catlm: out: 12 tensors", "model.embeddings.weight is [256, 32], the model needs [300, 32]",
        "model.layers.2.attn.q_proj.weight is missing",
      ] {
        #expect(outcome.errors.contains(part), "\(outcome.errors)")
      }
      #expect(!FileManager.default.fileExists(atPath: workspace.file("home")))
    }

    @Test func `bad input ends with code 2 and one line`() throws {
      let workspace = try Workspace(isTrained: true)
      try workspace.catlm("checkpoint", "export", "run", "out").succeeded()
      for (arguments, named) in [
        (["absent", "home"], "absent"), (["out", "run"], "run"), (["data", "home"], "config.json"),
        (["out", "home", "--shard-bytes", "0"], "--shard-bytes"),
      ] {
        let outcome = try Command.catlm(["checkpoint", "import"] + arguments, in: workspace.path).run()
        #expect(outcome.code == 2, "\(arguments): \(outcome.errors)")
        #expect(outcome.errorLines.count == 1 && outcome.errors.contains(named), "\(arguments): \(outcome.errors)")
      }
      let start = try workspace.train(run: "second", "--set", "train.initial_weights=absent")
      #expect(start.code == 2 && start.errors.contains("absent"), "\(start.errors)")
    }
  }
}
