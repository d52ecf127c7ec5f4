import Foundation
import Testing

extension CommandTests {
  @Suite struct DryRunTests {
    /// Every file below the workspace with its time and bytes.
    private func files(of workspace: Workspace) throws -> [String: String] {
      let names = try #require(FileManager.default.enumerator(atPath: workspace.path)).compactMap { $0 as? String }
      return Dictionary(
        uniqueKeysWithValues: names.map { name in
          let attributes = try? FileManager.default.attributesOfItem(atPath: workspace.file(name))
          return (name, "\(attributes?[.modificationDate] ?? "") \(attributes?[.size] ?? "")")
        })
    }

    @Test(arguments: [1, 2]) func `a dry run says memory and cost, and writes nothing`(ranks: Int) throws {
      let workspace = try Workspace()
      let before = try files(of: workspace)
      let arguments = Workspace.training("run") + ["--dry-run"]
      let command =
        ranks == 1
        ? try Command.catlm(arguments, in: workspace.path)
        : try Command.mpirun(ranks: ranks, arguments, in: workspace.path)
      let errors = try command.run().succeeded().errors
      for part in [
        "run: run, steps 1 to 12", "memory: ", "would begin with new weights", "disk: a checkpoint takes ",
        "a step at chunk size 1: ", "a step at chunk size 8: ", " floating-point operations",
        "the 12 steps to go take about 0:00:", "nothing was written",
      ] { #expect(errors.contains(part), "\(part): \(errors)") }
      #expect(try files(of: workspace) == before)
    }

    @Test func `a dry run of a run that is there says where it would go on, and touches nothing`() throws {
      let workspace = try Workspace(isTrained: true)
      let before = try files(of: workspace)
      let errors = try workspace.train("--dry-run", "--set", "train.steps=16").succeeded().errors
      #expect(errors.contains("would resume") && errors.contains("step-00000012"), "\(errors)")
      #expect(errors.contains("the 4 steps to go take about"), "\(errors)")
      #expect(try workspace.train("--dry-run").succeeded().errors.contains("the run is finished"))
      #expect(try files(of: workspace) == before)
    }

    @Test(arguments: [
      (["--set", "model.hidden_size=64", "--set", "train.steps=20"], "model.hidden_size"),
      (["--set", "data.train=absent"], "absent"), (["--set", "train.batch_size=1000000000"], "memory"),
      (["--resume", "none"], "step-00000012"), (["--resume", "absent"], "absent"),
    ])
    func `a dry run refuses what a start would refuse`(arguments: [String], named: String) throws {
      let workspace = try Workspace(isTrained: true)
      let before = try files(of: workspace)
      let words = Workspace.training("run") + ["--dry-run"] + arguments
      let outcome = try Command.catlm(words, in: workspace.path).run()
      #expect(outcome.code == 2)
      #expect(outcome.errorLines.last?.contains(named) == true, "\(outcome.errors)")
      #expect(try files(of: workspace) == before)
    }

    @Test func `a run directory that could not be made is refused`() throws {
      let outcome = try Workspace().train(run: "text.txt/run", "--dry-run")
      #expect(outcome.code == 2)
      #expect(outcome.errorLines.last?.contains("text.txt") == true, "\(outcome.errors)")
    }

    @Test func `a quiet run says nothing where all goes well`() throws {
      let workspace = try Workspace()
      #expect(try workspace.train("--quiet").succeeded().errors.isEmpty)
      #expect(try workspace.losses().count == 12)
      #expect(try workspace.catlm("evaluate", "run", "--quiet").succeeded().errors.isEmpty)
    }

    @Test(arguments: ["bash", "zsh", "fish"]) func `completion for the shell knows the commands`(shell: String) throws {
      let outcome = try Command.catlm(["--generate-completion-script", shell]).run().succeeded()
      for word in ["evaluate", "checkpoint", "dry-run"] { #expect(outcome.output.contains(word)) }
      #expect(try Command.catlm(["--help"]).run().output.contains("--generate-completion-script"))
    }
  }
}
