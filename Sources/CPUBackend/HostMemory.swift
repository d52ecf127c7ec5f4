#if canImport(Darwin)
  internal import Darwin
#elseif canImport(Musl)
  internal import Musl
#else
  internal import Glibc
#endif

/// From this size on a block is made of huge pages where the system has them.
private let hugeBlockBytes = 4 << 20
private let hugePageBytes = 2 << 20

/// Memory with arbitrary content, aligned to 64 bytes or, if large, to huge pages.
func allocateMemory(byteCount: Int) -> UnsafeMutableRawPointer {
  let alignment = byteCount >= hugeBlockBytes ? hugePageBytes : 64
  var address: UnsafeMutableRawPointer?
  let code = posix_memalign(&address, alignment, byteCount)
  guard code == 0, let address else {
    preconditionFailure("memory: the system refused \(byteCount) bytes (error \(code))")
  }
  #if os(Linux)
    // A hint alone: without huge pages everything works, slower.
    if alignment == hugePageBytes { _ = madvise(address, byteCount, MADV_HUGEPAGE) }
  #endif
  return address
}

func freeMemory(_ address: UnsafeMutableRawPointer, byteCount: Int) {
  free(address)
}

/// Addresses that take memory only where somebody writes.
func reserveAddresses(byteCount: Int) -> UnsafeMutableRawPointer {
  let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
  let address = mmap(nil, byteCount, PROT_READ | PROT_WRITE, flags, -1, 0)
  guard let address, address != MAP_FAILED else {
    preconditionFailure("addresses: the system refused \(byteCount) bytes (error \(errno))")
  }
  #if os(Linux)
    // The few values that are written should take a small page each.
    _ = madvise(address, byteCount, MADV_NOHUGEPAGE)
  #endif
  return address
}

func giveBackAddresses(_ address: UnsafeMutableRawPointer, byteCount: Int) {
  munmap(address, byteCount)
}
