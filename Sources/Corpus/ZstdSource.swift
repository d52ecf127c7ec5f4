internal import CZstd

/// The content of a zstd file, of all its frames.
@safe final class ZstdSource: ByteSource {
  private let file: FileSource
  private let stream: OpaquePointer
  private var input: [UInt8] = []
  private var output = [UInt8](repeating: 0, count: 1 << 18)
  /// Whether the frame that is read has not ended.
  private var isInside = false

  init(_ file: FileSource) throws(CorpusError) {
    guard let stream = unsafe ZSTD_createDStream() else {
      throw CorpusError(file.name, found: "no memory to decompress", allowed: "memory")
    }
    self.file = file
    unsafe self.stream = unsafe stream
  }

  deinit {
    unsafe ZSTD_freeDStream(stream)
  }

  var storedPosition: Int { file.storedPosition }

  func read(into buffer: inout [UInt8]) throws(CorpusError) -> Bool {
    while true {
      if input.isEmpty, try !file.read(into: &input) {
        guard !isInside else { throw CorpusError(file.name, found: "zstd that ends early", allowed: "all of it") }
        return false
      }
      let (result, written) = decompressOnce()
      guard ZSTD_isError(result) == 0 else {
        let reason = unsafe String(cString: ZSTD_getErrorName(result))
        throw CorpusError(
          file.name, found: "damaged zstd before byte \(file.storedPosition) (\(reason))", allowed: "intact zstd")
      }
      isInside = result != 0
      if written > 0 {
        buffer += output[..<written]
        return true
      }
    }
  }

  /// Decompresses what the output has room for; the input that was used goes away.
  private func decompressOnce() -> (result: Int, written: Int) {
    let (result, used, written) = unsafe input.withUnsafeBytes { source in
      unsafe output.withUnsafeMutableBytes { target in
        var from = unsafe ZSTD_inBuffer(src: source.baseAddress, size: source.count, pos: 0)
        var to = unsafe ZSTD_outBuffer(dst: target.baseAddress, size: target.count, pos: 0)
        let result = unsafe ZSTD_decompressStream(stream, &to, &from)
        return (result, unsafe from.pos, unsafe to.pos)
      }
    }
    input.removeFirst(used)
    return (result, written)
  }
}
