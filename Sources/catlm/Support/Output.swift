import Foundation

/// Standard output, where commands write their results. What cannot be written is an error, not silence.
enum Output {
  /// Writes a text and a newline at once.
  ///
  /// A reader that closed its end of a pipe has all that it wants: the process then ends as Unix tools do, by SIGPIPE.
  ///
  /// - Throws: ``OutputError`` if not all of it could be written.
  static func print(_ text: String) throws {
    try write(Array((text + "\n").utf8))
  }

  /// Writes bytes as they are.
  static func write(_ bytes: [UInt8]) throws {
    var start = 0
    while start < bytes.count {
      let count = unsafe bytes[start...].withUnsafeBytes {
        unsafe Foundation.write(STDOUT_FILENO, $0.baseAddress, $0.count)
      }
      if count < 0, errno == EINTR { continue }
      if count < 0, errno == EPIPE { endQuietly() }
      guard count > 0 else { throw OutputError(reason: String(cString: strerror(errno))) }
      start += count
    }
  }

  private static func endQuietly() -> Never {
    signal(SIGPIPE, SIG_DFL)
    raise(SIGPIPE)
    // Only where the signal is blocked.
    Foundation.exit(128 + SIGPIPE)
  }
}

/// Swift's own goes the same way, for it would not notice; as it cannot throw, it ends the process.
func print(_ items: Any..., separator: String = " ", terminator: String = "\n") {
  do {
    try Output.write(Array((items.map { "\($0)" }.joined(separator: separator) + terminator).utf8))
  } catch {
    Failure.exit(for: error)
  }
}

/// Results that could not be written.
struct OutputError: Error, CustomStringConvertible {
  let reason: String

  var description: String { "standard output: cannot be written: \(reason)" }
}
