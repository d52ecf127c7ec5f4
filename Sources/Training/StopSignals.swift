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
  /// Installs the handlers. A parent may have blocked the signals for its children; they are let through.
  package static func install() {
    var signals = sigset_t()
    sigemptyset(&signals)
    for number in [SIGTERM, SIGUSR1] {
      signal(number, receive)
      sigaddset(&signals, number)
    }
    pthread_sigmask(SIG_UNBLOCK, &signals, nil)
  }

  package static var isRequested: Bool { receivedCount.load(ordering: .relaxed) > 0 }
}
