import Foundation
import JSON
import Testing

extension CommandTests {
  /// What a run leaves for TensorBoard, read by TensorBoard's own reader.
  @Suite struct TensorBoardTests {
    private static let isInstalled: Bool = {
      let check = Command(
        executable: "/usr/bin/env", arguments: ["python3", "-c", "import tensorboard"], directory: "/tmp")
      return (try? check.run().code) == 0
    }()

    private func requireAlike(_ run: String, in workspace: Workspace) throws -> Outcome {
      try Command(
        executable: "/usr/bin/env",
        arguments: ["python3", Program.root + "/Tests/Python/tensorboard_check.py", workspace.file(run)],
        directory: workspace.path
      ).run().succeeded()
    }

    private static let samples = ["--set", "train.sample_interval=4", "--set", "train.sample_prompt=7 times"]

    @Test(.enabled(if: isInstalled, "python3 has no tensorboard package"))
    func `TensorBoard reads the numbers and texts of the metrics, after a stop and a resume too`() throws {
      let workspace = try Workspace()
      let first = Workspace.training("run") + Self.samples
      // Later steps than the checkpoint has are taken out of both files by the next start.
      try Command.catlm(first + ["--set", "train.steps=7"], in: workspace.path).run().succeeded()
      #expect(try requireAlike("run", in: workspace).output.contains("texts"))
      try FileManager.default.removeItem(atPath: workspace.file("run/checkpoints/step-00000007"))
      try Command.catlm(first, in: workspace.path).run().succeeded()
      // 12 training records of 7 values, the loss once more; three sizes, thrice measured and twice sampled.
      let outcome = try requireAlike("run", in: workspace)
      #expect(outcome.output.contains(" texts"), "\(outcome.output)")
    }

    @Test(.enabled(if: isInstalled, "python3 has no tensorboard package"))
    func `TensorBoard reads histograms of all weights and gradients at their interval`() throws {
      let workspace = try Workspace()
      try workspace.train("--set", "logging.histogram_interval=6").succeeded()
      let output = try requireAlike("run", in: workspace).output
      let counts = output.split(separator: "\n").filter { $0.hasPrefix("histogram ") }
      for kind in ["weights", "gradients"] {
        for step in [6, 12] {
          let found = counts.filter { $0.contains(" \(kind)/lm_head.weight at step \(step): ") }
          #expect(found.count == 1, "\(output)")
        }
      }
      #expect(counts.count % 4 == 0 && counts.count > 4 * 20)
      let plain = try Workspace(isTrained: true)
      #expect(try plain.losses() == workspace.losses())
    }

    @Test func `histograms without an event file are refused`() throws {
      let settings = ["--set", "logging.histogram_interval=5", "--set", "logging.tensorboard=false"]
      let workspace = try Workspace()
      let outcome = try Command.catlm(Workspace.training("run") + settings, in: workspace.path).run()
      #expect(outcome.code == 2 && outcome.errorLines.count == 1, "\(outcome.errors)")
      #expect(outcome.errors.contains("logging.histogram_interval: found 5"), "\(outcome.errors)")
    }

    @Test func `a run has one event file, or none where it is not wanted`() throws {
      let workspace = try Workspace()
      try workspace.train(run: "with").succeeded()
      try workspace.train(run: "without", "--set", "logging.tensorboard=false").succeeded()
      let names = { (run: String) in
        try FileManager.default.contentsOfDirectory(atPath: workspace.file(run)).filter { $0.contains("tfevents") }
      }
      #expect(try names("with").count == 1)
      #expect(try names("without").isEmpty)
    }
  }
}
