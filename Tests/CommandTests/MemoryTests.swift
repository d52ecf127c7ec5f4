import Foundation
import Testing

extension CommandTests {
  /// What has no room is refused before it begins, and what the system refuses nonetheless is said in one line.
  @Suite struct MemoryTests {
    /// The program with a limit of its address space, in mebibytes.
    private func catlm(megabytes: Int, _ arguments: [String], in directory: String) throws -> Outcome {
      let script = "ulimit -v \(megabytes << 10) && exec \"$@\""
      return try Command(
        executable: "/bin/bash", arguments: ["-c", script, "bash", try #require(Program.path)] + arguments,
        directory: directory
      ).run()
    }

    private func expectRefusal(_ outcome: Outcome, names: [String]) {
      #expect(outcome.code == 2 && outcome.output.isEmpty, "exit code \(outcome.code): \(outcome.errors)")
      #expect(outcome.errorLines.count == 1 && outcome.errors.hasPrefix("catlm: memory: "), "\(outcome.errors)")
      for name in names { #expect(outcome.errors.contains(name), "\(outcome.errors)") }
    }

    @Test func `a run that the limit of addresses leaves no room is refused before it begins`() throws {
      let workspace = try Workspace()
      let training = Workspace.training("run") + ["--set", "train.steps=1"]
      let outcome = try catlm(megabytes: 1500, training + ["--set", "train.batch_size=100000"], in: workspace.path)
      expectRefusal(outcome, names: ["its limit (ulimit -v or -d) leaves", "train.batch_size (100000)"])
      #expect(!FileManager.default.fileExists(atPath: workspace.file("run/checkpoints")))
      try catlm(megabytes: 4000, training, in: workspace.path).succeeded()
    }

    @Test func `a benchmark that has no room is refused before it begins`() throws {
      let outcome = try catlm(
        megabytes: 2500, ["benchmark", "train", "--size", "M", "--threads", "1"], in: Program.root)
      expectRefusal(outcome, names: ["its limit (ulimit -v or -d) leaves", "a smaller --context (1024)"])
    }

    @Test func `an evaluation that has no room is refused before it begins`() throws {
      let workspace = try Workspace(isTrained: true)
      try workspace.write(String(repeating: "to be or not ", count: 300_000), "long.txt")
      let outcome = try catlm(
        megabytes: 1200, ["evaluate", "run", "--text", "long.txt", "--batch", "1000000", "--threads", "1"],
        in: workspace.path)
      expectRefusal(outcome, names: ["a smaller --batch (1000000)"])
    }

    @Test(arguments: [400, 600])
    func `a program without addresses for its threads and arrays ends with one line`(megabytes: Int) throws {
      let outcome = try catlm(
        megabytes: megabytes, ["benchmark", "kernels", "--threads", "1", "--only", "norm"], in: Program.root)
      expectRefusal(outcome, names: ["ulimit -v or -d"])
    }
  }
}
