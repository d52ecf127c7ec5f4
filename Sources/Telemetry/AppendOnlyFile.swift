internal import Foundation

/// A file that grows at its end, in pieces that are there whole or not at all: records of measurements and logs.
///
/// Each piece reaches the system before ``append(_:)`` returns. Other processes may append to the same file.
package final class AppendOnlyFile {
  package let path: String

  private let descriptor: Int32
  /// Where the whole pieces end, if a part of one that could not be written follows them.
  private var tornEnd: off_t?

  /// Opens the file at its end; makes it if it is not there.
  package init(path: String) throws(TelemetryError) {
    descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
    self.path = path
    guard descriptor >= 0 else { throw TelemetryError(operation: "open", path: path, code: errno) }
  }

  deinit {
    if descriptor >= 0 { close(descriptor) }
  }

  /// Whether nothing was ever written to it.
  package var isEmpty: Bool { lseek(descriptor, 0, SEEK_END) == 0 }

  /// Adds a piece; nothing, not a part of it, if that fails.
  package func append(_ bytes: [UInt8]) throws(TelemetryError) {
    guard !bytes.isEmpty else { return }
    try cutTornPiece()
    let end = lseek(descriptor, 0, SEEK_END)
    let code = writeAll(bytes, to: descriptor)
    guard code != 0 else { return }
    if end >= 0, lseek(descriptor, 0, SEEK_END) > end { tornEnd = end }
    try? cutTornPiece()  // the write's own error is what counts; the next piece tries again
    throw TelemetryError(operation: "write", path: path, code: code)
  }

  private func cutTornPiece() throws(TelemetryError) {
    guard let tornEnd else { return }
    guard ftruncate(descriptor, tornEnd) == 0 else { throw TelemetryError(operation: "cut", path: path, code: errno) }
    self.tornEnd = nil
  }

  /// Puts the pieces that stay in the place of a file's content, whole or not at all. Nobody may have it open.
  ///
  /// - Parameters:
  ///   - kept: ranges of `content`, in order; together less than all of it.
  ///   - content: what the file holds.
  static func keep(_ kept: [Range<Int>], of content: Data, at path: String) throws(TelemetryError) {
    if kept.count <= 1, kept.first?.lowerBound ?? 0 == 0 {
      guard truncate(path, off_t(kept.first?.upperBound ?? 0)) == 0 else {
        throw TelemetryError(operation: "cut", path: path, code: errno)
      }
      return
    }
    let newPath = path + ".new"
    unlink(newPath)  // one that a crash left
    let file = try AppendOnlyFile(path: newPath)
    try file.append(kept.flatMap { content[content.startIndex + $0.lowerBound..<content.startIndex + $0.upperBound] })
    guard fsync(file.descriptor) == 0, rename(newPath, path) == 0 else {
      throw TelemetryError(operation: "cut", path: path, code: errno)
    }
  }
}

/// A file of measurements that could not be opened, read or written.
package struct TelemetryError: Error, Hashable, Sendable {
  /// What failed: `"open"`, `"read"`, `"write"` or `"cut"`.
  package let operation: String
  package let path: String
  /// The system's reason, `errno`.
  package let code: Int32
}

extension TelemetryError: CustomStringConvertible {
  package var description: String { "cannot \(operation) \(path): \(reason)" }

  /// Such as `No space left on device (errno 28)`.
  package var reason: String { "\(String(cString: strerror(code))) (errno \(code))" }
}
