internal import Foundation

/// Bytes that are read from the first to the last, a block at a time.
protocol ByteSource: AnyObject {
  /// Adds the next bytes to `buffer`.
  ///
  /// - Returns: false at the end, where none were added.
  func read(into buffer: inout [UInt8]) throws(CorpusError) -> Bool
}

/// The bytes of a file, or of standard input.
final class FileSource: ByteSource {
  private let path: String
  private let descriptor: Int32
  private let blockBytes = 1 << 20

  /// - Parameter path: `-` is standard input.
  init(_ path: String) throws(CorpusError) {
    self.path = path
    descriptor = path == "-" ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw Self.failure(path) }
  }

  deinit {
    if descriptor != STDIN_FILENO { close(descriptor) }
  }

  func read(into buffer: inout [UInt8]) throws(CorpusError) -> Bool {
    var block = [UInt8](repeating: 0, count: blockBytes)
    while true {
      let count = unsafe block.withUnsafeMutableBytes { bytes in
        unsafe Foundation.read(descriptor, bytes.baseAddress, bytes.count)
      }
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw Self.failure(path) }
      buffer += block[..<count]
      return count > 0
    }
  }

  private static func failure(_ path: String) -> CorpusError {
    CorpusError(path, found: "“" + String(cString: strerror(errno)) + "”", allowed: "a readable file")
  }
}
