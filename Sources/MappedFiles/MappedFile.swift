internal import CMappedFiles
internal import Glibc

/// Why a file could not be mapped.
package enum MappingError: Error, Hashable, Sendable {
  /// A system call failed with an `errno`.
  case system(call: String, code: Int32)
  /// A directory, a pipe or something else that has no bytes to map.
  case notRegular
}

/// A file's bytes in memory, read only, loaded by the kernel as they are touched.
///
/// The file must not be made shorter while it is mapped: a touch of what is gone ends the process with one line that
/// names the file, and exit code 1.
// Safe to share: the mapping is read-only, and its address and size never change before `deinit`.
@safe package final class MappedFile: @unchecked Sendable {
  package let path: String
  /// All of the file. Never to be kept beyond this object's life.
  package let bytes: UnsafeRawBufferPointer
  private let note: OpaquePointer?

  package init(path: String) throws(MappingError) {
    let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)  // a pipe must not block here
    guard descriptor >= 0 else { throw .system(call: "open", code: errno) }
    defer { close(descriptor) }
    var status = stat()
    guard unsafe fstat(descriptor, &status) == 0 else { throw .system(call: "fstat", code: errno) }
    guard status.st_mode & S_IFMT == S_IFREG else { throw .notRegular }
    let byteCount = Int(status.st_size)
    self.path = path
    guard byteCount > 0 else {
      unsafe bytes = UnsafeRawBufferPointer(start: nil, count: 0)
      unsafe note = nil
      return
    }
    let address = unsafe mmap(nil, byteCount, PROT_READ, MAP_PRIVATE, descriptor, 0)
    guard let address = unsafe address, unsafe address != MAP_FAILED else {
      throw .system(call: "mmap", code: errno)
    }
    unsafe bytes = UnsafeRawBufferPointer(start: address, count: byteCount)
    unsafe note = cmapped_note(address, byteCount, path)
  }

  deinit {
    guard let address = unsafe bytes.baseAddress else { return }
    unsafe cmapped_forget(note)
    unsafe munmap(UnsafeMutableRawPointer(mutating: address), bytes.count)
  }

  package var byteCount: Int { unsafe bytes.count }

  /// Calls `body` with the file's bytes, which it must not let escape.
  package func withBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
    unsafe body(bytes)
  }

  /// A little-endian integer at `offset`; nil if the file ends before it does.
  package func integer<T: FixedWidthInteger & BitwiseCopyable>(_ type: T.Type, at offset: Int) -> T? {
    guard offset >= 0, offset + MemoryLayout<T>.size <= byteCount else { return nil }
    return T(littleEndian: unsafe bytes.loadUnaligned(fromByteOffset: offset, as: T.self))
  }

  /// The bytes in `range`, cut at the file's end.
  package func copy(_ range: Range<Int>) -> [UInt8] {
    unsafe Array(bytes[range.clamped(to: 0..<byteCount)])
  }

  /// Parts that stand for a file that may be too long to be read: all of it up to a mebibyte; of a longer one its
  /// beginning, its end, and pages evenly spread over what is between.
  package var sampledRanges: [Range<Int>] {
    let (edgeBytes, pageBytes, pageCount) = (1 << 16, 4096, 64)
    guard byteCount > 1 << 20 else { return [0..<byteCount] }
    let interval = (byteCount - 2 * edgeBytes) / pageCount
    let pages = (0..<pageCount).map { index in
      edgeBytes + index * interval..<edgeBytes + index * interval + pageBytes
    }
    return [0..<edgeBytes] + pages + [byteCount - edgeBytes..<byteCount]
  }

  /// Gives the memory of a part back to the system, which reads it again if it is touched again.
  package func release(_ range: Range<Int>) {
    let pageBytes = sysconf(Int32(_SC_PAGESIZE))
    let start = (range.lowerBound + pageBytes - 1) / pageBytes * pageBytes
    let end = range.upperBound / pageBytes * pageBytes
    guard let address = unsafe bytes.baseAddress, start < end else { return }
    // If the system does not take it back, nothing but memory is lost.
    _ = unsafe madvise(UnsafeMutableRawPointer(mutating: address + start), end - start, MADV_DONTNEED)
  }
}
