import ArgumentParser
import CPUBackend
import CUDABackend
import Checkpoints
import Corpus
import Evaluation
import Foundation
import Generation
import JSON
import MemoryPlans
import ModelIO
import Parallel
import Parity
import Report
import Telemetry
import TokenData
import Training

/// A mistake in what the user asked for, in one line: what, found, allowed.
struct UserError: Error, CustomStringConvertible {
  let description: String

  init(_ description: String) {
    self.description = description
  }
}

/// How the program ends when something is wrong.
enum Failure {
  /// Bad input: the user can mend it.
  static let inputCode: Int32 = 2

  /// Prints one line and ends the process; help and version are no failures.
  static func exit(for error: any Error) -> Never {
    if Catlm.exitCode(for: error) == .success { end(withText: Catlm.fullMessage(for: error)) }
    if let code = error as? ExitCode { Foundation.exit(code.rawValue) }
    say(error)
    Foundation.exit(code(for: error))
  }

  /// Help or the version, on standard output.
  private static func end(withText text: String) -> Never {
    do {
      if !text.isEmpty { try Output.print(text) }
      Foundation.exit(0)
    } catch {
      say(error)
      Foundation.exit(code(for: error))
    }
  }

  static func say(_ error: any Error) {
    let text = isOurs(error) ? "\(error)" : usageText(error)
    Console.standardError.print("catlm: \(text)")
  }

  /// The argument parser's words in one line; its full message has the usage as well, which `--help` shows.
  private static func usageText(_ error: any Error) -> String {
    let message = Catlm.message(for: error).split(whereSeparator: \.isNewline).joined(separator: " ")
    return "\(message); see --help"
  }

  /// Whether the error is of this program; the others are the argument parser's.
  private static func isOurs(_ error: any Error) -> Bool {
    error is UserError || error is JSONError || error is TokenError || error is CheckpointError
      || error is ParityError || error is TrainerError || error is ModelIOError || error is MemoryError
      || error is ParallelError || error is TelemetryError || error is OutputError || error is ChildFailure
      || error is PlotError || error is InstructionError || error is GenerationError || error is StartError
      || error is CorpusError || error is CUDAError || error is WrongKernels || error is EvaluationError
  }

  /// Whether every rank finds the same, so that one of them is enough to say it.
  static func isOnAllRanks(_ error: any Error) -> Bool {
    error is MemoryError || (error as? TrainerError)?.isOnAllRanks == true
  }

  /// What a path that was named wrongly gives: it is not there, or something else than it should be.
  private static let codesOfNames = [ENOENT, ENOTDIR, EISDIR, EEXIST, EACCES, EROFS, ELOOP, ENAMETOOLONG]

  static func code(for error: any Error) -> Int32 {
    switch error {
    case is ParallelError, is TelemetryError, is OutputError, is ChildFailure, is WrongKernels: 1
    case CUDAError.unavailable: inputCode
    case is CUDAError: 1
    case CheckpointError.system(_, _, let code) where !codesOfNames.contains(code): 1
    case let error as TrainerError: error.isUserError ? inputCode : 1
    default: inputCode
    }
  }
}
