/// The lines of a file, one after the other, in memory for the longest; gzip and zstd are decompressed.
package struct LineReader {
  /// The file's name in messages.
  package let name: String
  /// The number of the line that was read last, from 1.
  package private(set) var lineNumber = 0

  private let source: any ByteSource
  private var buffer: [UInt8] = []
  /// Where the next line begins in the buffer.
  private var start = 0

  /// - Parameter path: `-` is standard input.
  package init(_ path: String) throws(CorpusError) {
    name = path == "-" ? "standard input" : path
    source = try ByteSources.open(path)
  }

  /// Bytes of the file that were read so far, as they are stored.
  package var storedPosition: Int { source.storedPosition }

  /// Where the last line stands, for messages.
  package var place: String { "\(name):\(lineNumber)" }

  /// The next line without its end; nil behind the last.
  package mutating func next() throws(CorpusError) -> [UInt8]? {
    var searched = start
    while true {
      if let end = newline(from: searched) {
        defer { start = end + 1 }
        lineNumber += 1
        return Array(buffer[start..<end])
      }
      searched = buffer.count - start
      buffer.removeFirst(start)
      start = 0
      guard try source.read(into: &buffer) else { break }
    }
    guard !buffer.isEmpty else { return nil }
    defer { buffer = [] }
    lineNumber += 1
    return buffer
  }

  private func newline(from place: Int) -> Int? {
    let bytes = buffer.span
    var index = place
    while index < bytes.count {
      if bytes[index] == UInt8(ascii: "\n") { return index }
      index += 1
    }
    return nil
  }
}
