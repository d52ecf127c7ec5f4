import Foundation
import Testing

/// What becomes of results that nobody can take.
extension CommandTests {
  @Suite struct OutputTests {
    private static let commands = [
      ["evaluate", "run", "--samples", "2", "--json"], ["evaluate", "run", "--samples", "2"],
      ["generate", "run", "--prompt", "12 times", "--max-tokens", "3"], ["tokenize", "--output", "more", "text.txt"],
      ["checkpoint", "inspect", "run"], ["checkpoint", "verify", "run"], ["checkpoint", "diff", "run", "run"],
      ["benchmark", "allreduce", "--sizes", "4KiB"], ["config"], ["--help"], ["train", "--help"], ["--version"],
    ]

    private func shell(_ command: [String], _ redirection: String, in workspace: Workspace) throws -> Outcome {
      let words = command.map { "'\($0)'" }.joined(separator: " ")
      return try Command(
        executable: "/bin/bash", arguments: ["-c", "\"$0\" \(words) \(redirection)", try #require(Program.path)],
        directory: workspace.path
      ).run()
    }

    @Test func `results that cannot be written end with code 1 and one line`() throws {
      let workspace = try Workspace(isTrained: true)
      for command in Self.commands {
        let outcome = try shell(command, "> /dev/full", in: workspace)
        #expect(outcome.code == 1, "\(command): \(outcome.errors)")
        let lines = outcome.errorLines.filter { $0.contains("standard output: cannot be written: No space left") }
        #expect(lines.count == 1, "\(command): \(outcome.errors)")
        try? FileManager.default.removeItem(atPath: workspace.file("more"))
      }
    }

    @Test func `a reader that has enough ends the program without a word`() throws {
      let workspace = try Workspace(isTrained: true)
      for command in [["checkpoint", "inspect", "run"], ["config"], ["config", "--json"]] {
        // The reader is gone before the program writes.
        let outcome = try shell(command, "| (exec < /dev/null; true); exit ${PIPESTATUS[0]}", in: workspace)
        #expect(outcome.code == 128 + SIGPIPE || outcome.code == 0, "\(command): \(outcome.code) \(outcome.errors)")
        #expect(outcome.errors.isEmpty, "\(command): \(outcome.errors)")
        let first = try shell(command, "| head -1", in: workspace)
        #expect(first.code == 0 && first.outputLines.count == 1 && first.errors.isEmpty, "\(command): \(first.errors)")
      }
    }
  }
}
