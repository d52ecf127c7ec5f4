internal import Foundation

/// Sleep that another thread can end, on a clock that nobody sets.
///
/// Where the system gives no pipe, no sleep is cut short; nothing else changes.
final class InterruptibleSleep: Sendable {
  private let readEnd: Int32
  private let writeEnd: Int32

  init() {
    var ends: [Int32] = [-1, -1]
    if pipe(&ends) != 0 { ends = [-1, -1] }
    (readEnd, writeEnd) = (ends[0], ends[1])
    for end in ends {
      _ = fcntl(end, F_SETFD, FD_CLOEXEC)
      _ = fcntl(end, F_SETFL, O_NONBLOCK)
    }
  }

  deinit {
    guard readEnd >= 0 else { return }
    close(readEnd)
    close(writeEnd)
  }

  /// Ends the sleep that is under way, or the next.
  func interrupt() {
    _ = write(writeEnd, [1], 1)
  }

  func sleep(_ duration: Duration) {
    var entry = pollfd(fd: readEnd, events: Int16(POLLIN), revents: 0)
    guard poll(&entry, 1, Int32(duration / .milliseconds(1))) > 0 else { return }
    var byte: UInt8 = 0
    _ = read(readEnd, &byte, 1)
  }
}
