import Foundation
import Testing

extension CommandTests {
  /// What a run says of itself at its start and at its end.
  @Suite struct SummaryTests {
    @Test func `a start says what is trained, on what, where and with how much`() throws {
      let workspace = try Workspace()
      let errors = try workspace.train("--set", "train.steps=4").succeeded().errors
      let size = try workspace.bytes("data/tokens_train_000000.bin").count / 2 - 512
      for part in [
        "run: run, steps 1 to 4 of 4 samples of 32 tokens, float32", "model: cat, ", " parameters, chunk sizes 1, 2, 8",
        "data: \(size / 1000),", " tokens; an epoch of ", " steps, the run 0.0 epochs; validation: 8 samples",
        "1 rank: ", "1 thread a rank", "memory: ", "beginning with new weights",
      ] { #expect(errors.contains(part), "\(part): \(errors)") }
    }

    @Test func `a resumed run says from where and which steps it makes`() throws {
      let workspace = try Workspace(isTrained: true)
      let errors = try workspace.train("--set", "train.steps=16").succeeded().errors
      #expect(errors.contains("run: run, steps 13 to 16 of 4 samples"), "\(errors)")
      #expect(errors.contains("resuming") && errors.contains("step-00000012"), "\(errors)")
    }

    @Test func `an end says the best validation, the time and commands that work as they stand`() throws {
      let workspace = try Workspace()
      let arguments = ["train", "tiny.yaml", "--run", "my run", "--set", "train.validation_interval=6"]
      let end = try Command.catlm(arguments, in: workspace.path).run().succeeded()
      let again = try Command.catlm(arguments, in: workspace.path).run().succeeded()
      #expect(end.errors.contains("done: step 12 of 12; since this start 12 steps in 0:00:"), "\(end.errors)")
      for outcome in [end, again] {
        let best = try #require(outcome.errorLines.first { $0.contains("best validation loss: ") })
        #expect(best.contains(" at chunk size 1 (step ") && best.contains(" at 8 (step "), "\(best)")
        #expect(outcome.errors.contains("run directory: my run"), "\(outcome.errors)")
        let commands = outcome.errorLines.compactMap { line in
          line.range(of: "next: ").map { String(line[$0.upperBound...]) }
        }
        #expect(commands.count == 2, "\(outcome.errors)")
        for command in commands {
          let next = Command(executable: "/bin/sh", arguments: ["-c", command], directory: workspace.path)
          try next.run().succeeded()
        }
      }
    }

    @Test(arguments: [["evaluate", "run", "--batch", "1"], ["train", "tiny.yaml", "--run", "other"]])
    func `a terminal shows how far an evaluation is`(_ words: [String]) throws {
      let workspace = try Workspace(isTrained: true)
      // A line comes a tenth of a second after the first batch: work for many times that on any machine.
      try workspace.write(String(repeating: Workspace.text, count: 20), "long.txt")
      try workspace.catlm("tokenize", "--output", "long", "long.txt").succeeded()
      let more =
        words[0] == "train"
        ? ["--set", "data.validation=long", "--set", "data.validation_samples=1000"] : ["--text", "text.txt"]
      let command = ([try #require(Program.path)] + words + more).map { "'\($0)'" }.joined(separator: " ")
      let outcome = try Command(
        executable: "/usr/bin/env", arguments: ["script", "--quiet", "--return", "--command", command, "/dev/null"],
        directory: workspace.path
      ).run().succeeded()
      let label = words[0] == "train" ? "validation" : "evaluation"
      #expect(outcome.output.contains("\u{1B}[K\(label)  batch "), "\(outcome.output)")
    }
  }
}
