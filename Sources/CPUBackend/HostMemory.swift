#if canImport(Darwin)
  internal import Darwin
#elseif canImport(Musl)
  internal import Musl
#else
  internal import Glibc
#endif

/// From this size on a block has pages of its own.
private let ownPagesBytes = 1 << 20
/// From this size on these are huge ones where the system has them.
private let hugeBlockBytes = 4 << 20
private let hugePageBytes = 2 << 20

/// Memory with arbitrary content, aligned to 64 bytes or, if large, to huge pages.
///
/// A large block comes from the system and goes back to it. The C library would take large blocks from its heap once
/// it has seen one freed, and a heap keeps its holes.
func allocateMemory(byteCount: Int) -> UnsafeMutableRawPointer {
  guard byteCount < ownPagesBytes else { return mapPages(byteCount: byteCount) }
  var address: UnsafeMutableRawPointer?
  let code = posix_memalign(&address, 64, byteCount)
  guard code == 0, let address else {
    RefusedMemory.end(byteCount: byteCount, code: code)
  }
  return address
}

func freeMemory(_ address: UnsafeMutableRawPointer, byteCount: Int) {
  if byteCount < ownPagesBytes { free(address) } else { munmap(address, byteCount) }
}

private func mapPages(byteCount: Int) -> UnsafeMutableRawPointer {
  guard byteCount >= hugeBlockBytes else { return mapAddresses(byteCount: byteCount) }
  let reserved = mapAddresses(byteCount: byteCount + hugePageBytes)
  // What lies before the first huge page and after the block goes back.
  let excess = -Int(bitPattern: reserved) & (hugePageBytes - 1)
  let address = reserved + excess
  let pageBytes = Int(getpagesize())
  let end = (byteCount + pageBytes - 1) / pageBytes * pageBytes
  if excess > 0 { munmap(reserved, excess) }
  munmap(address + end, byteCount + hugePageBytes - excess - end)
  #if os(Linux)
    // A hint alone: without huge pages everything works, slower. The last one is left out if the block does not fill
    // it: the rest of it would be memory that nobody uses.
    _ = madvise(address, byteCount / hugePageBytes * hugePageBytes, MADV_HUGEPAGE)
  #endif
  return address
}

/// Addresses that take memory only where somebody writes.
func reserveAddresses(byteCount: Int) -> UnsafeMutableRawPointer {
  let address = mapAddresses(byteCount: byteCount, flags: MAP_NORESERVE)
  #if os(Linux)
    // The few values that are written should take a small page each.
    _ = madvise(address, byteCount, MADV_NOHUGEPAGE)
  #endif
  return address
}

func giveBackAddresses(_ address: UnsafeMutableRawPointer, byteCount: Int) {
  munmap(address, byteCount)
}

private func mapAddresses(byteCount: Int, flags: Int32 = 0) -> UnsafeMutableRawPointer {
  let address = mmap(nil, byteCount, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0)
  guard let address, address != MAP_FAILED else {
    RefusedMemory.end(byteCount: byteCount, code: errno)
  }
  return address
}
