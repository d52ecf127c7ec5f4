import Foundation
import Settings
import Testing

extension CommandTests {
  @Suite struct StopTests {
    private static let endless = ["--set", "train.steps=1000000", "--set", "checkpoint.interval=0"]

    @Test(arguments: [SIGTERM, SIGUSR1])
    func `a signal ends the run with a checkpoint of its last step`(_ signal: Int32) throws {
      let workspace = try Workspace()
      let running = try Command.catlm(Workspace.training("run") + Self.endless, in: workspace.path).start()
      try expectSave(running, signal, workspace)
    }

    @Test func `under mpirun USR1 does`() throws {
      let workspace = try Workspace()
      let arguments = Workspace.training("run") + Self.endless
      let running = try Command.mpirun(ranks: 2, arguments, in: workspace.path).start()
      try expectSave(running, SIGUSR1, workspace)
    }

    @Test func `under launch local TERM does`() throws {
      let workspace = try Workspace()
      let data = [
        "--set", "data.train=\(workspace.file("data"))", "--set", "data.validation=\(workspace.file("data"))",
      ]
      let arguments = ["2", "tiny.yaml", "--run", workspace.file("run")] + Self.endless + data
      let script = Program.root + "/launch/local"
      let running = try Command(executable: script, arguments: arguments, directory: workspace.path).start()
      try expectSave(running, SIGTERM, workspace)
    }

    private func expectSave(_ running: RunningCommand, _ signal: Int32, _ workspace: Workspace) throws {
      try running.wait { try workspace.records().count >= 5 }
      running.send(signal)
      let outcome = try running.wait().succeeded()
      #expect(outcome.errors.contains("stopping as asked by a signal"), "\(outcome.errors)")
      let step = try #require(workspace.records().last?["step"]?.integerValue)
      let verified = try workspace.catlm("checkpoint", "verify", workspace.latest()).succeeded()
      #expect(verified.output.contains("intact, step \(step)\n"), "\(verified.output)")
    }

    @Test func `a second trainer on the same run directory is refused`() throws {
      let workspace = try Workspace()
      let command = try Command.catlm(Workspace.training("run") + Self.endless, in: workspace.path)
      let first = try command.start()
      try first.wait { try workspace.records().count >= 1 }
      let second = try command.run()
      #expect(second.code == 2)
      #expect(second.errorLines.last?.contains("run/lock: the run directory is in use") == true, "\(second.errors)")
      first.send(SIGTERM)
      try first.wait().succeeded()
    }
  }
}
