import Foundation
import Testing

extension CommandTests {
  /// Commands that are one process's work, under a launcher that starts several.
  @Suite struct FirstRankTests {
    private let workspace: Workspace

    init() throws {
      workspace = try Workspace(isTrained: true)
    }

    private func onRanks(_ arguments: String...) throws -> Outcome {
      try Command.mpirun(ranks: 3, arguments, in: workspace.path).run()
    }

    @Test(arguments: [
      ["evaluate", "run", "--chunk-sizes", "2,8"], ["generate", "run", "--prompt", "12 times", "--max-tokens", "8"],
      ["checkpoint", "inspect", "run"], ["checkpoint", "verify", "run/checkpoints/step-00000012"],
      ["checkpoint", "diff", "run", "run"], ["--version"], ["train", "--help"],
    ])
    func `under mpirun a command is done once`(arguments: [String]) throws {
      let count = try Command.catlm(arguments, in: workspace.path).run().succeeded().outputLines.count
      let together = try Command.mpirun(ranks: 3, arguments, in: workspace.path).run().succeeded()
      #expect(together.outputLines.count == count, "\(together.output)")
    }

    @Test func `under mpirun export, import and tokenize write once`() throws {
      try onRanks("checkpoint", "export", "run", "exported").succeeded()
      try onRanks("checkpoint", "import", "exported", "imported").succeeded()
      let outcome = try onRanks("tokenize", "--output", "again", "text.txt").succeeded()
      #expect(outcome.outputLines.count == 3, "\(outcome.output)")
      for name in ["tokens_train_000000.bin", "tokens_val_000000.bin"] {
        #expect(try workspace.bytes("again/" + name) == workspace.bytes("data/" + name))
      }
    }

    private static let mistakes: [([String], Int32)] = [
      (["evaluate", "absent"], 2), (["checkpoint", "diff", "run", "run/checkpoints/step-00000008"], 1),
      (["generate", "run", "--prompt", ""], 2), (["retrain"], 2),
    ]

    @Test(arguments: mistakes)
    func `under mpirun what is wrong is said once, with the same exit code`(arguments: [String], code: Int32) throws {
      let alone = try Command.catlm(arguments, in: workspace.path).run()
      let together = try Command.mpirun(ranks: 3, arguments, in: workspace.path).run()
      #expect(alone.code == code && together.code == code, "\(together.errors)")
      let lines = { (outcome: Outcome) in outcome.errorLines.filter { $0.hasPrefix("catlm: ") } }
      #expect(lines(together) == lines(alone) && together.outputLines.count == alone.outputLines.count)
    }
  }
}
