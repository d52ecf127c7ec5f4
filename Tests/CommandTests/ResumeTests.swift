import Foundation
import Settings
import Testing

extension CommandTests {
  @Suite struct ResumeTests {
    @Test func `a run that was killed goes on to the same bytes as one that was not`() throws {
      let workspace = try Workspace()
      let more = ["--set", "train.steps=400", "--set", "checkpoint.interval=10"]
      try Command.catlm(Workspace.training("whole") + more, in: workspace.path).run().succeeded()

      let command = try Command.catlm(Workspace.training("killed") + more, in: workspace.path)
      for step in [25, 117] {
        let running = try command.start()
        try running.wait { try workspace.records(run: "killed").count >= step }
        running.send(SIGKILL)
        #expect(try running.wait().code == 128 + SIGKILL)
      }
      let last = try command.run().succeeded()
      #expect(last.errors.contains("resuming"), "\(last.errors)")
      #expect(last.errors.contains("taken over from a process that ended"), "\(last.errors)")
      try expectSame(workspace, "whole", "killed")
    }

    /// Two runs with the same training records, apart from times, and the same bytes in all tensors.
    private func expectSame(_ workspace: Workspace, _ expected: String, _ found: String) throws {
      let keys = ["step", "loss", "gradient_norm", "learning_rate", "chunk_size", "tokens"]
      let curves = try [expected, found].map { run in
        try workspace.records(run: run).map { record in keys.map { record[$0] } }
      }
      #expect(curves[0].count == 400)
      #expect(curves[0] == curves[1])
      let (left, right) = (try workspace.latest(run: expected), try workspace.latest(run: found))
      let names = try workspace.tensorFiles(left)
      #expect(names.count == 2)
      #expect(try workspace.tensorFiles(right) == names)
      for name in names {
        #expect(try workspace.bytes(left + "/" + name) == workspace.bytes(right + "/" + name), "\(name)")
      }
    }

    @Test func `a finished run says so`() throws {
      let workspace = try Workspace(isTrained: true)
      let outcome = try workspace.train().succeeded()
      #expect(outcome.errors.contains("the run is finished"))
      #expect(try workspace.records().count == 12)
    }

    @Test func `a damaged checkpoint is passed over for the one before it`() throws {
      let workspace = try Workspace(isTrained: true)
      let whole = try workspace.losses()
      let newest = try workspace.latest()
      try workspace.damage(newest + "/model-00001-of-00001.safetensors")
      let outcome = try workspace.train().succeeded()
      #expect(outcome.errors.contains("passed over"), "\(outcome.errors)")
      #expect(outcome.errors.contains("step=8"), "\(outcome.errors)")
      #expect(try workspace.losses() == whole)
    }

    @Test func `resume none is refused where a run has checkpoints`() throws {
      let workspace = try Workspace(isTrained: true)
      let whole = try workspace.losses()
      let outcome = try workspace.train("--resume", "none")
      #expect(outcome.code == 2 && outcome.errorLines.count == 1, "\(outcome.errors)")
      #expect(try workspace.losses() == whole)
    }

    @Test func `a checkpoint of another model is refused by the key that differs`() throws {
      let workspace = try Workspace(isTrained: true)
      let outcome = try workspace.train("--set", "model.hidden_size=64", "--set", "train.steps=20")
      #expect(outcome.code == 2)
      #expect(outcome.errorLines.last?.contains("model.hidden_size") == true, "\(outcome.errors)")
    }
  }
}
