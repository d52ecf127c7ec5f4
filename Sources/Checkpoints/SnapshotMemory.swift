internal import Glibc

/// Memory for a copy of weights and moments: taken from the system once, all of it at once, and kept.
package final class SnapshotMemory {
  /// Never to be kept beyond this object's life.
  package let bytes: UnsafeMutableRawBufferPointer

  /// - Throws: ``CheckpointError/system(call:path:code:)`` if the system has not as much memory.
  package init(byteCount: Int) throws(CheckpointError) {
    precondition(byteCount > 0, "snapshot of \(byteCount) bytes")
    // Filled with pages here, for else the first copy would take several times as long as all others.
    let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE
    let address = unsafe mmap(nil, byteCount, PROT_READ | PROT_WRITE, flags, -1, 0)
    guard let address = unsafe address, unsafe address != MAP_FAILED else {
      throw .system(call: "mmap of \(byteCount) bytes", path: "the copy for a checkpoint", code: errno)
    }
    unsafe bytes = UnsafeMutableRawBufferPointer(start: address, count: byteCount)
  }

  package var byteCount: Int { unsafe bytes.count }

  deinit {
    if let address = unsafe bytes.baseAddress { unsafe munmap(address, bytes.count) }
  }
}
