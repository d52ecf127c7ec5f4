import Foundation
import Parallel
import Telemetry

/// A command's work on all ranks that the launcher started.
enum Ranks {
  static func run(_ body: (any ProcessGroup) throws -> Void) throws {
    let group = try ProcessGroups.make()
    do {
      try body(group)
      try group.finish()
    } catch {
      end(group, after: error)
    }
  }

  /// Ends all ranks: one that went away in silence would leave the others waiting for it.
  static func end(_ group: any ProcessGroup, after error: any Error, during place: String = "") -> Never {
    if group.size == 1 { Failure.exit(for: error) }
    // What is wrong on all ranks is said by the first of them.
    if group.rank != 0 { Thread.sleep(forTimeInterval: 1) }
    Console.standardError.print("catlm: rank \(group.rank) of \(group.size)\(place): \(error)")
    group.abort(code: Failure.code(for: error))
    Foundation.exit(Failure.code(for: error))
  }
}
