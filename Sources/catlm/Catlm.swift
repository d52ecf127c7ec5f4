import ArgumentParser
import CPUBackend
import Checkpoints
import Foundation
import Parallel
import Telemetry

/// The program: parses the command line, runs a command, turns errors into one line and an exit code.
@main
struct Catlm: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "catlm",
    abstract: "Trains Compress & Attend Transformers across machines.",
    discussion: """
      One adaptive model comes out of a run; its user chooses the chunk size: large is fast and small in memory, \
      small recalls better.

      CATLM_INSTRUCTIONS in the environment names the highest instructions that the kernels use: baseline, avx2, \
      avx512, avx512_bf16 (products in bfloat16 of pairs) or amx_bf16 (of tiles); by default the highest that the \
      processor has. BLAS chooses by itself, or by OPENBLAS_CORETYPE.

      Under mpirun or srun, train, evaluate, tokenize and benchmark train, allreduce and scaling are the work of all ranks; any other \
      command is done by the first rank alone, and the others leave.

      Completion in the shell: catlm --generate-completion-script bash > ~/.local/share/bash-completion/completions/catlm \
      (or zsh, fish).

      Example: mpirun --bind-to none -np 2 catlm train configs/smoke.yaml
      """,
    version: Version.current,
    subcommands: [
      TrainCommand.self, EvaluateCommand.self, GenerateCommand.self, TokenizeCommand.self, TokenizerCommand.self,
      DataCommand.self, CheckpointCommand.self, ConfigCommand.self, PlotCommand.self, ReportCommand.self,
      CompareRunsCommand.self, ParityCommand.self, BenchmarkCommand.self,
    ])

  static func main() {
    // Swift's handler of crashes takes SIGQUIT for one, and goes on after it. A file that grows beyond `ulimit -f` is an
    // error of its write.
    signal(SIGQUIT, SIG_DFL)
    signal(SIGXFSZ, SIG_IGN)
    do {
      try InstructionLevel.requireKnownLimit()
      Host.restartWithFittingBLAS()
      Host.endWhenMemoryIsRefused()
      ComputeDevice.endWhenGPUFails()
      var command = parsed()
      Ranks.leave(command)
      try command.run()
    } catch {
      Failure.exit(for: error)
    }
  }

  private static func parsed() -> any ParsableCommand {
    do {
      let line = try CommandWords(Array(CommandLine.arguments.dropFirst()))
      if ProcessGroups.isFirstRank {
        for warning in line.warnings { Console.standardError.print("catlm: \(warning)") }
      }
      return try parseAsRoot(line.words)
    } catch {
      Ranks.end(afterParsing: error)
    }
  }
}

/// What `--version` prints; checkpoints record the same.
enum Version {
  static let current = ProgramVersion.current.version
}

struct BenchmarkCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "benchmark",
    abstract: "Measures speed against ceilings found in the same run.",
    discussion: "Example: catlm benchmark train --size S --chunk-size 16",
    subcommands: [Train.self, Scaling.self, Kernels.self, Cost.self, Allreduce.self, Checkpoint.self, Compare.self])
}
