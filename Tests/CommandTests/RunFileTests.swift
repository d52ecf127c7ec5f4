import Foundation
import JSON
import Settings
import Testing

extension CommandTests {
  @Suite struct RunFileTests {
    static let names = ((try? FileManager.default.subpathsOfDirectory(atPath: Program.root + "/configs")) ?? [])
      .filter { $0.hasSuffix(".yaml") }.sorted()

    @Test(arguments: names)
    func `every run file is read as it stands`(_ name: String) throws {
      let workspace = try Workspace()
      let path = Program.root + "/configs/" + name
      let run = ["--run", workspace.file("run")]
      // With a step of zero, nothing else can be wrong: all other keys have been read by the time it is refused.
      let outcome = try Command.catlm(["train", path] + run + ["--set", "train.steps=0"], in: workspace.path).run()
      #expect(outcome.code == 2)
      #expect(outcome.errors.contains("train.steps: found 0"), "\(outcome.errors)")
    }

    @Test(arguments: names)
    func `every run file trains, cut down to two short steps`(_ name: String) throws {
      let workspace = try Workspace()
      let path = Program.root + "/configs/" + name
      let overrides = try cuts(RunFile(path: path, overrides: []).root).flatMap { ["--set", $0] }
      let arguments = ["train", path, "--run", workspace.file("run")] + overrides
      try Command.catlm(arguments, in: workspace.path).run().succeeded()
      let losses = try workspace.losses()
      #expect(losses.count == 2)
      #expect(losses.allSatisfy { $0.isFinite })
    }

    /// Overrides that leave widths, kinds and schedules as they are, and take little time.
    private func cuts(_ root: JSONValue) throws -> [String] {
      let common = [
        "train.steps=2", "train.batch_size=2", "train.accumulation=1", "train.validation_interval=0",
        "checkpoint.interval=0", "data.validation_samples=2", "model.num_hidden_layers=2", "parallel.threads=1",
      ]
      if root["data"]?["kind"] == .text("mqar") {
        return common + [
          "data.vocabulary_size=256", "data.lengths=[64]", "data.pairs=[4]", "model.vocab_size=256",
        ]
      }
      return common + [
        "data.context=64", "data.train=data", "data.validation=data", "data.tokenizer=bytes", "model.vocab_size=512",
      ]
    }
  }
}
