internal import Foundation
internal import Synchronization

/// Standard error: log lines, and on a terminal below them one status line that is rewritten in place.
package final class Console: Sendable {
  package static let standardError = Console(isTerminal: isatty(STDERR_FILENO) != 0) { text in
    _ = writeAll(Array(text.utf8), to: STDERR_FILENO)  // when standard error fails there is nowhere to say so
  }

  /// Whether a line can be rewritten.
  package let isTerminal: Bool

  private let send: @Sendable (String) -> Void
  /// The status line now on the screen. Held while sending, so that lines of different threads do not mix.
  private let status = Mutex("")

  init(isTerminal: Bool, send: @escaping @Sendable (String) -> Void) {
    self.isTerminal = isTerminal
    self.send = send
  }

  /// Writes a line; a status line stays below it.
  package func print(_ line: String) {
    status.withLock { status in
      send(status.isEmpty ? line + "\n" : Self.erase + line + "\n" + status)
    }
  }

  /// Shows `line` in place of the last status line. Terminals only.
  package func show(status line: String) {
    precondition(isTerminal, "a status line needs a terminal")
    let shown = String(line.prefix(columnCount() - 1))  // a line that wraps could not be erased
    status.withLock { status in
      status = shown
      send(Self.erase + shown)
    }
  }

  /// Leaves the status line as it stands; what follows goes below it.
  package func endStatus() {
    status.withLock { status in
      if !status.isEmpty { send("\n") }
      status = ""
    }
  }

  /// Takes the status line off the screen.
  package func clearStatus() {
    status.withLock { status in
      if !status.isEmpty { send(Self.erase) }
      status = ""
    }
  }

  private static let erase = "\r\u{1B}[K"

  private func columnCount() -> Int {
    var size = winsize()
    let code = ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size)
    return code == 0 && size.ws_col > 1 ? Int(size.ws_col) : 120
  }
}

/// Writes all bytes, in one call unless the system takes them in parts.
///
/// - Returns: 0, or the `errno` of the call that failed.
func writeAll(_ bytes: [UInt8], to descriptor: Int32) -> Int32 {
  bytes.withUnsafeBytes { bytes in
    var rest = bytes
    while !rest.isEmpty {
      let count = write(descriptor, rest.baseAddress, rest.count)
      if count < 0 && errno == EINTR { continue }
      guard count >= 0 else { return errno }
      rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(count))
    }
    return 0
  }
}
