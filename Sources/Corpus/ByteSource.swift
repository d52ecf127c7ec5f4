internal import Foundation

/// Bytes that are read from the first to the last, a block at a time.
protocol ByteSource: AnyObject {
  /// Adds the next bytes to `buffer`.
  ///
  /// - Returns: false at the end, where none were added.
  func read(into buffer: inout [UInt8]) throws(CorpusError) -> Bool
  /// Bytes of the file that were read so far, as they are stored.
  var storedPosition: Int { get }
}

/// The bytes of a file or of standard input, decompressed where they are gzip's or zstd's.
enum ByteSources {
  /// - Parameter path: `-` is standard input.
  static func open(_ path: String) throws(CorpusError) -> any ByteSource {
    let file = try FileSource(path)
    let head = try file.peek(4)
    if head.starts(with: [0x1F, 0x8B]) { return try GzipSource(file) }
    if head == [0x28, 0xB5, 0x2F, 0xFD] { return try ZstdSource(file) }
    return file
  }
}

/// The bytes of a file, or of standard input, as they are.
final class FileSource: ByteSource {
  let name: String
  private let descriptor: Int32
  private var block: [UInt8]
  /// Bytes that were looked at and not read yet.
  private var peeked: [UInt8] = []
  private(set) var storedPosition = 0

  /// - Parameter path: `-` is standard input.
  init(_ path: String) throws(CorpusError) {
    name = path == "-" ? "standard input" : path
    descriptor = unsafe path == "-" ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC)
    block = Array(repeating: 0, count: 1 << 18)
    guard descriptor >= 0 else { throw failure() }
  }

  deinit {
    if descriptor > STDIN_FILENO { close(descriptor) }
  }

  /// The next bytes, as many as there are up to `count`, which are read again afterwards.
  func peek(_ count: Int) throws(CorpusError) -> [UInt8] {
    while peeked.count < count, try readBlock(into: &peeked) {}
    return Array(peeked.prefix(count))
  }

  func read(into buffer: inout [UInt8]) throws(CorpusError) -> Bool {
    guard peeked.isEmpty else {
      buffer += peeked
      storedPosition += peeked.count
      peeked = []
      return true
    }
    let before = buffer.count
    defer { storedPosition += buffer.count - before }
    return try readBlock(into: &buffer)
  }

  private func readBlock(into buffer: inout [UInt8]) throws(CorpusError) -> Bool {
    while true {
      let count = unsafe block.withUnsafeMutableBytes { bytes in
        unsafe Foundation.read(descriptor, bytes.baseAddress, bytes.count)
      }
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw failure() }
      buffer += block[..<count]
      return count > 0
    }
  }

  private func failure() -> CorpusError {
    unsafe CorpusError(name, found: "“" + String(cString: strerror(errno)) + "”", allowed: "a readable file")
  }
}

/// A file of text that cannot be used: which and where, what was found, what is allowed.
package struct CorpusError: Error, Hashable, CustomStringConvertible {
  /// The file, with the line or byte where one is at fault.
  package let place: String
  package let found: String
  package let allowed: String

  package init(_ place: String, found: String, allowed: String) {
    self.place = place
    self.found = found
    self.allowed = allowed
  }

  /// One line, whatever was found.
  package var description: String {
    "\(place): found \(found); allowed: \(allowed)".split(whereSeparator: \.isNewline).joined(separator: " ")
  }
}
