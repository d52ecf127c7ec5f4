internal import Foundation

/// How a watchdog ends a job; tests, whose ranks are threads, put in their own way.
struct WatchEnding: Sendable {
  /// The exit code of a job that a watchdog ends.
  static let exitCode: Int32 = 3

  /// Says why.
  var report: @Sendable (String) -> Void
  /// Ends all ranks.
  var abort: @Sendable () -> Void
  /// Ends this process at once.
  var exit: @Sendable () -> Void

  /// A line on standard error, MPI's abort, and the end of this process if that does not bring it.
  static func ofProcess(_ group: any ProcessGroup) -> Self {
    let aborter = Aborter(group: group)
    return Self(
      report: { FileHandle.standardError.write(Data("catlm: \($0)\n".utf8)) },
      abort: { aborter.group.abort(code: exitCode) },
      exit: { _exit(exitCode) })
  }
}

// Only `abort(code:)` is called through it, which any thread may call at any time.
private struct Aborter: @unchecked Sendable {
  let group: any ProcessGroup
}
