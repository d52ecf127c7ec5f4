import Foundation
import Testing

extension CommandTests {
  @Suite struct ConfigTests {
    @Test func `docs/configuration.md is what the program says of its keys`() throws {
      let page = try String(contentsOfFile: Program.root + "/docs/configuration.md", encoding: .utf8)
      let outcome = try Command.catlm(["config", "--markdown"]).run().succeeded()
      #expect(page == outcome.output, "make it again: catlm config --markdown > docs/configuration.md")
    }

    @Test func `config lists every key with type, default, allowed values and a sentence`() throws {
      let all = try Command.catlm(["config"]).run().succeeded().output
      for key in [
        "optimizer.beta1", "optimizer.epsilon", "optimizer.decay", "optimizer.clip_norm", "train.chunk_schedule",
        "train.chunk_weights", "train.nonfinite_limit", "train.spike_threshold", "checkpoint.keep_last",
        "checkpoint.keep_every", "checkpoint.on_failure", "model.hidden_ratio", "model.layers", "data.pairs",
      ] {
        #expect(all.contains("\n  \(key)\n"), "\(key)")
      }
      let one = try Command.catlm(["config", "checkpoint.keep_last"]).run().succeeded()
      #expect(one.outputLines.contains("      integer; default: 3; allowed: 1...1000000"), "\(one.output)")
    }

    @Test func `config --json is one object a key`() throws {
      let objects = try Command.catlm(["config", "schedule", "--json"]).run().succeeded().objects
      #expect(objects.count == 4)
      #expect(objects[0]["key"] == "schedule.kind" && objects[0]["default"] == "cosine")
      #expect(objects[0]["allowed"] == "constant, cosine, linear, wsd")
      let required = try Command.catlm(["config", "train.steps", "--json"]).run().succeeded().objects
      #expect(required.count == 1 && required[0]["required"] == true && required[0]["default"] == .null)
    }

    @Test func `config takes a kind, and a key without its section`() throws {
      let recall = try Command.catlm(["config", "data.mqar"]).run().succeeded().output
      #expect(recall.contains("data.pairs") && !recall.contains("data.context"))
      let key = try Command.catlm(["config", "keep_every"]).run().succeeded().output
      #expect(key.contains("checkpoint.keep_every"))
    }

    @Test func `config refuses what there is not, and names the nearest`() throws {
      let outcome = try Command.catlm(["config", "train.stepz"]).run()
      #expect(outcome.code == 2 && outcome.errorLines.count == 1)
      #expect(outcome.errors.contains("did you mean train.steps?"), "\(outcome.errors)")
      #expect(try Command.catlm(["config", "trian"]).run().errors.contains("did you mean train?"))
    }
  }
}
