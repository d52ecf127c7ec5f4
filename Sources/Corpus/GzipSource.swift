internal import CZlib

/// The content of a gzip file, of all its members.
@safe final class GzipSource: ByteSource {
  private let file: FileSource
  private var stream = unsafe z_stream()
  private var input: [UInt8] = []
  private var output = [UInt8](repeating: 0, count: 1 << 18)
  /// Whether the member that is read has not ended.
  private var isInside = false

  init(_ file: FileSource) throws(CorpusError) {
    self.file = file
    // 16: with the header and trailer of gzip.
    let code = unsafe inflateInit2_(&stream, 15 + 16, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
    guard code == Z_OK else { throw CorpusError(file.name, found: "no memory to decompress", allowed: "memory") }
  }

  deinit {
    unsafe inflateEnd(&stream)
  }

  var storedPosition: Int { file.storedPosition }

  func read(into buffer: inout [UInt8]) throws(CorpusError) -> Bool {
    while true {
      if input.isEmpty, try !file.read(into: &input) {
        guard !isInside else { throw CorpusError(file.name, found: "gzip that ends early", allowed: "all of it") }
        return false
      }
      if !isInside {
        unsafe inflateReset(&stream)
        isInside = true
      }
      let (code, written) = inflateOnce()
      guard code == Z_OK || code == Z_STREAM_END || code == Z_BUF_ERROR else {
        throw CorpusError(file.name, found: "damaged gzip before byte \(file.storedPosition)", allowed: "intact gzip")
      }
      if code == Z_STREAM_END { isInside = false }
      if written > 0 {
        buffer += output[..<written]
        return true
      }
    }
  }

  /// Decompresses what the output has room for; the input that was used goes away.
  private func inflateOnce() -> (code: Int32, written: Int) {
    let (code, used, written) = unsafe input.withUnsafeMutableBufferPointer { source in
      unsafe output.withUnsafeMutableBufferPointer { target in
        unsafe stream.next_in = source.baseAddress
        unsafe stream.avail_in = UInt32(source.count)
        unsafe stream.next_out = target.baseAddress
        unsafe stream.avail_out = UInt32(target.count)
        let code = unsafe inflate(&stream, Z_NO_FLUSH)
        return (code, unsafe source.count - Int(stream.avail_in), unsafe target.count - Int(stream.avail_out))
      }
    }
    input.removeFirst(used)
    return (code, written)
  }
}
