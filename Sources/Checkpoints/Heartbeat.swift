internal import Foundation
internal import Glibc

/// Sets a file's time of modification again and again, on a thread of its own, as a sign of life.
// `condition` guards all that can change.
final class Heartbeat: @unchecked Sendable {
  private let condition = NSCondition()
  private var isStopped = false
  private var hasEnded = false

  /// - Parameter number: an open file, which stays open until ``stop()`` has returned.
  init(of number: Int32, interval: Duration) {
    Thread { self.beat(number, seconds: interval / .seconds(1)) }.start()
  }

  /// Ends the thread.
  func stop() {
    condition.withLock {
      isStopped = true
      condition.broadcast()
      while !hasEnded { condition.wait() }
    }
  }

  private func beat(_ number: Int32, seconds: Double) {
    condition.withLock {
      while !isStopped {
        // A beat that fails is one that others miss; the next may be heard.
        _ = futimens(number, nil)
        _ = condition.wait(until: Date(timeIntervalSinceNow: seconds))
      }
      hasEnded = true
      condition.broadcast()
    }
  }
}
