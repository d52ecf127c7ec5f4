import ArgumentParser
import Foundation

/// The program: parses the command line, runs a command, turns errors into one line and an exit code.
@main
struct Catlm: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "catlm",
    abstract: "Trains Compress & Attend Transformers across machines.",
    discussion: """
      One adaptive model comes out of a run; its user chooses the chunk size: large is fast and small in memory, \
      small recalls better.

      Example: mpirun --bind-to none -np 2 catlm train configs/smoke.yaml
      """,
    version: Version.current,
    subcommands: [
      TrainCommand.self, EvaluateCommand.self, GenerateCommand.self, TokenizeCommand.self, CheckpointCommand.self,
      ConfigCommand.self, PlotCommand.self, ParityCommand.self, BenchmarkCommand.self,
    ])

  static func main() {
    Host.restartWithFittingBLAS()
    do {
      var command = try parseAsRoot()
      try command.run()
    } catch {
      Failure.exit(for: error)
    }
  }
}
