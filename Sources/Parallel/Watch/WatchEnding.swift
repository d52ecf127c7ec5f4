internal import Foundation

/// How a watchdog ends a job; tests, whose ranks are threads, put in their own way.
struct WatchEnding: Sendable {
  /// The exit code of a job that a watchdog ends.
  static let exitCode: Int32 = 3

  /// Says why.
  var report: @Sendable (String) -> Void
  /// Ends this process at once, and with it all ranks.
  var end: @Sendable () -> Void

  /// A line on standard error, and the end of this process, at which the launcher ends the others.
  ///
  /// MPI's abort is left alone: called beside a thread that waits in another call it may crash, and the job then ends
  /// with that crash's exit code.
  static let ofProcess = Self(
    report: { writeToStandardError("catlm: \($0)\n") },
    end: { _exit(exitCode) })
}
