internal import Foundation

/// The bytes of a file, mapped into memory.
// Safe to share: the mapping is read-only and its address and size never change before `deinit`.
final class MappedFile: @unchecked Sendable {
  let path: String
  private let bytes: UnsafeRawBufferPointer

  init(path: String) throws(TokenError) {
    self.path = path
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)  // a pipe must not block here
    guard descriptor >= 0 else { throw TokenError.system(path) }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw TokenError.system(path) }
    guard status.st_mode & S_IFMT == S_IFREG else {
      throw TokenError(file: path, found: "something that is not a file", allowed: "a token shard")
    }
    let byteCount = Int(status.st_size)
    guard byteCount > 0 else {
      self.bytes = unsafe UnsafeRawBufferPointer(start: nil, count: 0)
      return
    }
    guard let address = unsafe mmap(nil, byteCount, PROT_READ, MAP_PRIVATE, descriptor, 0), unsafe address != MAP_FAILED
    else { throw TokenError.system(path) }
    self.bytes = unsafe UnsafeRawBufferPointer(start: address, count: byteCount)
  }

  deinit {
    if let address = unsafe bytes.baseAddress { unsafe munmap(UnsafeMutableRawPointer(mutating: address), bytes.count) }
  }

  var byteCount: Int { unsafe bytes.count }

  /// Calls `body` with the file's bytes, which it must not let escape.
  func withBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
    unsafe body(bytes)
  }

  /// A little-endian integer at `offset`; nil if the file ends before it does.
  func integer<T: FixedWidthInteger & BitwiseCopyable>(_ type: T.Type, at offset: Int) -> T? {
    guard offset >= 0, offset + MemoryLayout<T>.size <= byteCount else { return nil }
    return T(littleEndian: unsafe bytes.loadUnaligned(fromByteOffset: offset, as: T.self))
  }

  /// The bytes in `range`, cut at the file's end.
  func copy(_ range: Range<Int>) -> [UInt8] {
    unsafe Array(bytes[range.clamped(to: 0..<byteCount)])
  }
}

extension TokenError {
  /// The failure that the last system call left in `errno`.
  static func system(_ file: String, allowed: String = "a readable file") -> TokenError {
    TokenError(file: file, found: "“" + String(cString: strerror(errno)) + "”", allowed: allowed)
  }
}
