import Foundation
import JSON
import Testing

extension CommandTests {
  @Suite struct StopTests {
    private static let endless = ["--set", "train.steps=1000000", "--set", "checkpoint.interval=0"]

    /// Steps of seconds, so that signals come within one; a checkpoint after each.
    private static let slow = [
      "--set", "train.batch_size=8000", "--set", "train.accumulation=8", "--set", "checkpoint.interval=1",
    ]

    @Test(arguments: [SIGTERM, SIGUSR1, SIGINT, SIGHUP])
    func `a signal ends the run with a checkpoint of its last step`(_ signal: Int32) throws {
      let workspace = try Workspace()
      let command = try Command.catlm(Workspace.training("run") + Self.endless, in: workspace.path)
      let running = try command.withDefaultSignals.start()
      let outcome = try expectSave(running, signal, workspace)
      #expect(outcome.errors.contains("catlm: \(signal == SIGINT ? "interrupted: " : "")stops after this step"))
      #expect(outcome.errors.contains("checkpoint=\(try workspace.latest())"), "\(outcome.errors)")
      #expect(outcome.errors.contains("the same command goes on from the checkpoint"), "\(outcome.errors)")
    }

    @Test(arguments: [SIGINT, SIGTERM, SIGUSR1, SIGHUP])
    func `a second signal of the same kind ends the run at once`(_ signal: Int32) throws {
      let workspace = try Workspace()
      let arguments = Workspace.training("run") + Self.endless + Self.slow
      let running = try Command.catlm(arguments, in: workspace.path).withDefaultSignals.start()
      try running.wait { try workspace.records().count >= 1 }
      running.send(signal)
      try running.wait { try running.said().contains("stops after this step") }
      // Nearer ones would be one wish that came on two ways.
      Thread.sleep(forTimeInterval: 0.3)
      running.send(signal)
      let outcome = try running.wait()
      #expect(outcome.code == 128 + signal)
      #expect(outcome.errors.hasSuffix("catlm: asked to stop twice: ended at once\n"), "\(outcome.errors)")
      #expect(!outcome.errors.contains("stopping as asked"))
    }

    @Test(arguments: [
      [SIGUSR1, SIGTERM], [SIGHUP, SIGTERM], [SIGINT, SIGTERM], [SIGUSR1, SIGUSR1, SIGTERM, SIGTERM],
    ])
    func `a signal of another kind, or the same on two ways, changes nothing`(_ signals: [Int32]) throws {
      let workspace = try Workspace()
      let arguments = Workspace.training("run") + Self.endless + Self.slow
      let running = try Command.catlm(arguments, in: workspace.path).withDefaultSignals.start()
      try running.wait { try workspace.records().count >= 1 }
      for signal in signals { running.send(signal) }
      try expectSaved(running.wait(), workspace)
    }

    @Test func `SIGQUIT ends the run at once and is no crash`() throws {
      let workspace = try Workspace()
      let running = try Command.catlm(Workspace.training("run") + Self.endless, in: workspace.path).start()
      try running.wait { try workspace.records().count >= 1 }
      running.send(SIGQUIT)
      let outcome = try running.wait()
      #expect(outcome.code == 128 + SIGQUIT && !outcome.errors.contains("crashed"), "\(outcome.code) \(outcome.errors)")
    }

    @Test func `a signal ends a dry run, which has nothing to save`() throws {
      let workspace = try Workspace()
      let command = try Command.catlm(
        Workspace.training("run") + Self.slow + ["--dry-run"], in: workspace.path
      ).withDefaultSignals
      let running = try command.start()
      try running.wait { try running.said().contains("info memory:") }
      running.send(SIGINT)
      let outcome = try running.wait()
      #expect(outcome.code == 128 + SIGINT && !outcome.errors.contains("with a checkpoint"), "\(outcome.errors)")
    }

    @Test func `a run that nohup starts does not end with its terminal`() throws {
      let workspace = try Workspace()
      let command = try Command.catlm(Workspace.training("run") + ["--set", "train.steps=60"], in: workspace.path)
      let running = try command.under("nohup", []).start()
      try running.wait { try workspace.records().count >= 5 }
      running.send(SIGHUP)
      let outcome = try running.wait().succeeded()
      #expect(!outcome.errors.contains("stopping as asked"))
      #expect(try workspace.records().count == 60)
    }

    @Test(arguments: ["2>&1 | head -n 1", ">&- 2>&- <&-", ">/dev/full 2>&1"])
    func `a closed or full output does not end the run`(_ redirection: String) throws {
      let workspace = try Workspace()
      let program = try #require(Program.path)
      let line = "'\(program)' \(Workspace.training("run").joined(separator: " ")) --set train.steps=40; echo $? >code"
      let outcome = try Command(
        executable: "/bin/bash", arguments: ["-c", "(\(line)) \(redirection)"], directory: workspace.path
      ).run()
      #expect(String(decoding: try workspace.bytes("code"), as: UTF8.self) == "0\n", "\(outcome.output)")
      #expect(try workspace.records().map { $0["step"]?.integerValue } == Array(1...40))
      #expect(try workspace.catlm("checkpoint", "verify", workspace.latest()).succeeded().output.contains("step 40"))
    }

    @Test func `an error that nobody can read ends in no crash`() throws {
      let workspace = try Workspace()
      let program = try #require(Program.path)
      let outcome = try Command(
        executable: "/bin/bash", arguments: ["-c", "('\(program)' train none.yaml; echo $? >code) 2>&1 | true"],
        directory: workspace.path
      ).run()
      #expect(String(decoding: try workspace.bytes("code"), as: UTF8.self) == "2\n", "\(outcome.output)")
    }

    @Test func `under mpirun USR1 does`() throws {
      let workspace = try Workspace()
      let arguments = Workspace.training("run") + Self.endless
      let running = try Command.mpirun(ranks: 2, arguments, in: workspace.path).start()
      try expectSave(running, SIGUSR1, workspace)
    }

    @Test func `under launch local TERM does`() throws {
      let workspace = try Workspace()
      let arguments = ["2", "tiny.yaml", "--run", "run"] + Self.endless
      let script = Program.root + "/launch/local"
      let running = try Command(executable: script, arguments: arguments, directory: workspace.path).start()
      try expectSave(running, SIGTERM, workspace)
    }

    @Test func `under launch local a second interrupt ends the ranks at once`() throws {
      let workspace = try Workspace()
      let data = [
        "--set", "data.train=\(workspace.file("data"))", "--set", "data.validation=\(workspace.file("data"))",
      ]
      let arguments = ["2", "tiny.yaml", "--run", workspace.file("run")] + Self.endless + Self.slow + data
      let command = Command(
        executable: Program.root + "/launch/local", arguments: arguments, directory: workspace.path)
      let running = try command.withDefaultSignals.start()
      try running.wait { try workspace.records().count >= 1 }
      running.send(SIGINT)
      try running.wait { try running.said().contains("stops after this step") }
      running.send(SIGINT)
      let outcome = try running.wait()
      #expect(outcome.code != 0 && !outcome.errors.contains("stopping as asked"), "\(outcome.errors)")
    }

    @Test func `under launch local a closed output does not end the run`() throws {
      let workspace = try Workspace()
      let sets = ["data.train=data", "data.validation=data", "train.steps=60"].map {
        "--set \($0.replacing("=data", with: "=" + workspace.file("data")))"
      }
      let script = "\(Program.root)/launch/local 2 tiny.yaml --run \(workspace.file("run"))"
      let line = "(\(script) \(sets.joined(separator: " ")); echo $? >code) 2>&1 | head -n 2"
      let outcome = try Command(executable: "/bin/bash", arguments: ["-c", line], directory: workspace.path).run()
      #expect(String(decoding: try workspace.bytes("code"), as: UTF8.self) == "0\n", "\(outcome.output)")
      #expect(try workspace.records().count == 60)
    }

    @discardableResult
    private func expectSave(_ running: RunningCommand, _ signal: Int32, _ workspace: Workspace) throws -> Outcome {
      try running.wait { try workspace.records().count >= 5 }
      running.send(signal)
      return try expectSaved(running.wait(), workspace)
    }

    @discardableResult
    private func expectSaved(_ outcome: Outcome, _ workspace: Workspace) throws -> Outcome {
      try outcome.succeeded()
      #expect(outcome.errors.contains("stopping as asked by a signal"), "\(outcome.errors)")
      let step = try #require(workspace.records().last?["step"]?.integerValue)
      let verified = try workspace.catlm("checkpoint", "verify", workspace.latest()).succeeded()
      #expect(verified.output.contains("intact, step \(step)\n"), "\(verified.output)")
      return outcome
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
