internal import Glibc

/// A file's bytes in memory, read only, loaded by the kernel as they are touched.
///
/// The file must not be shortened while it is mapped.
final class MappedFile {
  let path: String
  /// All of the file. Never to be kept beyond this object's life.
  let bytes: UnsafeRawBufferPointer

  init(path: String) throws(CheckpointError) {
    let disk = Disk.real
    let descriptor = try disk.openForReading(path)
    let byteCount = try disk.byteCount(of: descriptor, path: path)
    self.path = path
    guard byteCount > 0 else {
      unsafe self.bytes = UnsafeRawBufferPointer(start: nil, count: 0)
      return
    }
    let address = unsafe mmap(nil, byteCount, PROT_READ, MAP_PRIVATE, descriptor.number, 0)
    guard let address = unsafe address, unsafe address != MAP_FAILED else {
      throw .system(call: "mmap", path: path, code: errno)
    }
    unsafe self.bytes = UnsafeRawBufferPointer(start: address, count: byteCount)
  }

  /// Gives the memory of a part back to the system, which reads it again if it is touched again.
  func release(_ range: Range<Int>) {
    let pageBytes = sysconf(Int32(_SC_PAGESIZE))
    let start = (range.lowerBound + pageBytes - 1) / pageBytes * pageBytes
    let end = range.upperBound / pageBytes * pageBytes
    guard let address = unsafe bytes.baseAddress, start < end else { return }
    // If the system does not take it back, nothing but memory is lost.
    _ = unsafe madvise(UnsafeMutableRawPointer(mutating: address + start), end - start, MADV_DONTNEED)
  }

  deinit {
    if let address = unsafe bytes.baseAddress {
      unsafe munmap(UnsafeMutableRawPointer(mutating: address), bytes.count)
    }
  }
}
