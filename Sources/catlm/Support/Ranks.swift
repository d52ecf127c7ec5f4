import ArgumentParser
import Foundation
import Parallel
import Telemetry

/// A command that is the work of all ranks that a launcher starts. Any other is one process's work: under a launcher the
/// first does it and the others leave, for what they printed and wrote would be the same once more.
protocol RankedCommand: ParsableCommand {}

/// A command's work on all ranks that the launcher started.
enum Ranks {
  static func run(_ body: (any HostGroup) throws -> Void) throws {
    let group = try ProcessGroups.make()
    do {
      try body(group)
      try group.finish()
    } catch {
      end(group, after: error)
    }
  }

  /// What `body` gives on this rank. Where it fails on all ranks alike, they end in good order and the first says why; where
  /// on some only, those say it and end all. All ranks call it.
  static func prepare<Value>(on group: any ProcessGroup, _ body: () throws -> Value) throws -> Value {
    let outcome = Result(catching: body)
    let failure: String
    switch outcome {
    case .success: failure = ""
    case .failure(let error): failure = "\(error)"
    }
    let failures = try group.allGather(failure)
    if failures.allSatisfy(\.isEmpty) { return try outcome.get() }
    if case .failure(let error) = outcome, failures.allSatisfy({ $0 == failure }) { end(group, afterShared: error) }
    let value = try outcome.get()
    // Until those that failed end this rank as well.
    try group.barrier()
    return value
  }

  /// Ends this process if the command is the first one's work alone; in silence and as if it had done well, for what the
  /// launcher gives as its own exit code is the one that is not 0.
  static func leave(_ command: any ParsableCommand) {
    if !(command is any RankedCommand), !ProcessGroups.isFirstRank { Foundation.exit(0) }
  }

  /// Ends this process after a command line that is none, or that asks for help.
  static func end(afterParsing error: any Error) -> Never {
    if !ProcessGroups.isFirstRank {
      if Catlm.exitCode(for: error) == .success { Foundation.exit(0) }
      // What is wrong on all ranks is said by the first of them, at whose end launchers end the others.
      Thread.sleep(forTimeInterval: 5)
    }
    Failure.exit(for: error)
  }

  /// Ends all ranks: one that went away in silence would leave the others waiting for it.
  static func end(_ group: any ProcessGroup, after error: any Error, during place: String = "") -> Never {
    if group.size == 1 { Failure.exit(for: error) }
    // What is wrong on all ranks is said by the first of them, which then ends the others.
    if group.rank != 0 { Thread.sleep(forTimeInterval: Failure.isOnAllRanks(error) ? 30 : 1) }
    Console.standardError.print("catlm: rank \(group.rank) of \(group.size)\(place): \(error)")
    group.abort(code: Failure.code(for: error))
    Foundation.exit(Failure.code(for: error))
  }

  /// Ends all ranks in good order after an error that they all have; the first of them says it.
  static func end(_ group: any ProcessGroup, afterShared error: any Error) -> Never {
    if group.rank == 0 { Failure.say(error) }
    // It fails only where another rank is gone already.
    try? group.finish()
    Foundation.exit(Failure.code(for: error))
  }
}
