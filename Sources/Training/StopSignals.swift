internal import Foundation
internal import Synchronization

/// Signals received so far. A handler may do no more than count.
private let receivedCount = Atomic<Int>(0)

/// Counts the signal; the second one ends the process at once.
private nonisolated func receive(_ signal: Int32) {
  if receivedCount.add(1, ordering: .relaxed).newValue > 1 { _exit(128 + signal) }
}

/// SIGTERM and SIGUSR1 as a wish to stop after the current step.
package enum StopSignals {
  /// Installs the handlers.
  package static func install() {
    for number in [SIGTERM, SIGUSR1] { signal(number, receive) }
  }

  package static var isRequested: Bool { receivedCount.load(ordering: .relaxed) > 0 }
}
