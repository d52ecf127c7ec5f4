internal import Synchronization
internal import TensorCore

#if canImport(Darwin)
  internal import Darwin
#elseif canImport(Musl)
  internal import Musl
#else
  internal import Glibc
#endif

/// The memory of the machine's processors, which a CPU backend shares with the program: views are no copies.
final class HostMemory: DeviceMemory {
  let isSynchronous = true
  // Other programs take from the same memory: how much the machine has left is asked elsewhere.
  let freeBytes: Int? = nil
  private let past = PastEvent()

  /// Whether there is memory behind its addresses; if not, nothing is ever written to them.
  private let isReal: Bool

  init(isReal: Bool) {
    self.isReal = isReal
  }

  func allocate(byteCount: Int) -> any MemorySegment {
    let address = unsafe isReal ? allocateMemory(byteCount: byteCount) : reserveAddresses(byteCount: byteCount)
    return unsafe HostSegment(address: address, byteCount: byteCount)
  }

  func free(_ segment: any MemorySegment) {
    let address = unsafe unsafeDowncast(segment, to: HostSegment.self).address
    if isReal {
      unsafe freeMemory(address, byteCount: segment.byteCount)
    } else {
      unsafe giveBackAddresses(address, byteCount: segment.byteCount)
    }
  }

  func upload(_ bytes: UnsafeRawBufferPointer, to target: MemoryRange) {
    precondition(bytes.count == target.byteCount, "upload: \(bytes.count) bytes to \(target.byteCount)")
    if isReal { unsafe target.bytes.copyMemory(from: bytes) }
  }

  func download(_ source: MemoryRange, to bytes: UnsafeMutableRawBufferPointer) {
    precondition(bytes.count == source.byteCount, "download: \(source.byteCount) bytes to \(bytes.count)")
    if isReal { unsafe bytes.copyMemory(from: UnsafeRawBufferPointer(source.bytes)) }
  }

  func recordEvent() -> any MemoryEvent { past }

  func copy(_ source: MemoryRange, to target: MemoryRange) {
    precondition(source.byteCount == target.byteCount, "copy: \(source.byteCount) bytes to \(target.byteCount)")
    if isReal { unsafe target.bytes.copyMemory(from: UnsafeRawBufferPointer(source.bytes)) }
  }

  func withReadView<Result, Failure: Error>(
    of range: MemoryRange, _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try unsafe body(UnsafeRawBufferPointer(range.bytes))
  }

  func withWriteView<Result, Failure: Error>(
    of range: MemoryRange, _ body: (UnsafeMutableRawBufferPointer) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try unsafe body(range.bytes)
  }

  func withUpdateView<Result, Failure: Error>(
    of range: MemoryRange, _ body: (UnsafeMutableRawBufferPointer) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try unsafe body(range.bytes)
  }
}

/// A piece of the machine's memory.
@safe private final class HostSegment: MemorySegment {
  let address: UnsafeMutableRawPointer
  let byteCount: Int

  init(address: UnsafeMutableRawPointer, byteCount: Int) {
    unsafe self.address = unsafe address
    self.byteCount = byteCount
  }
}

extension MemoryRange {
  fileprivate var bytes: UnsafeMutableRawBufferPointer {
    unsafe UnsafeMutableRawBufferPointer(start: storage.address + start, count: byteCount)
  }
}

extension Storage {
  /// Where it begins, for storages of this module's backends.
  var address: UnsafeMutableRawPointer {
    unsafe unsafeDowncast(segment, to: HostSegment.self).address + segmentOffset
  }
}

extension Tensor {
  /// Address of the first element.
  var address: UnsafeMutablePointer<Float> {
    precondition(dtype == .float32, "tensor: \(shape) of \(dtype) read as float32")
    return unsafe storage.address.assumingMemoryBound(to: Float.self) + offset
  }

  /// Address of the first of some indices.
  var indexAddress: UnsafePointer<Int32> { unsafe UnsafePointer(mutableIndexAddress) }

  var mutableIndexAddress: UnsafeMutablePointer<Int32> {
    precondition(dtype == .int32, "tensor: \(shape) of \(dtype) read as indices")
    return unsafe rawAddress(of: 0).assumingMemoryBound(to: Int32.self)
  }

  /// Address of the first of some sums.
  var doubleAddress: UnsafeMutablePointer<Double> {
    precondition(dtype == .float64, "tensor: \(shape) of \(dtype) read as float64")
    return unsafe rawAddress(of: 0).assumingMemoryBound(to: Double.self)
  }

  /// Address of an element, of whatever type.
  func rawAddress(of index: Int) -> UnsafeMutableRawPointer {
    unsafe storage.address + (offset + index) * dtype.byteCount
  }
}

extension Matrix {
  /// Address of the first element.
  var address: UnsafeMutablePointer<Float> {
    precondition(dtype == .float32, "matrix: \(rowCount) × \(columnCount) of \(dtype) read as float32")
    return unsafe storage.address.assumingMemoryBound(to: Float.self) + offset
  }

  /// Address of the first element, of whatever type.
  var rawAddress: UnsafeMutableRawPointer { unsafe storage.address + offset * dtype.byteCount }
}

// MARK: From the system and back

/// From this size on a block has pages of its own.
private let ownPagesBytes = 1 << 20
/// From this size on these are huge ones where the system has them.
private let hugeBlockBytes = 4 << 20
private let hugePageBytes = 2 << 20

/// Memory with arbitrary content, aligned to 64 bytes or, if large, to huge pages.
///
/// A large block comes from the system and goes back to it. The C library would take large blocks from its heap once
/// it has seen one freed, and a heap keeps its holes.
private func allocateMemory(byteCount: Int) -> UnsafeMutableRawPointer {
  guard byteCount < ownPagesBytes else { return unsafe mapPages(byteCount: byteCount) }
  var address: UnsafeMutableRawPointer?
  let code = unsafe posix_memalign(&address, 64, byteCount)
  guard code == 0, let address = unsafe address else {
    RefusedMemory.end(byteCount: byteCount, code: code)
  }
  return unsafe address
}

private func freeMemory(_ address: UnsafeMutableRawPointer, byteCount: Int) {
  if byteCount < ownPagesBytes { unsafe free(address) } else { unsafe munmap(address, byteCount) }
}

private func mapPages(byteCount: Int) -> UnsafeMutableRawPointer {
  guard byteCount >= hugeBlockBytes else { return unsafe mapAddresses(byteCount: byteCount) }
  let reserved = unsafe mapAddresses(byteCount: byteCount + hugePageBytes)
  // What lies before the first huge page and after the block goes back.
  let excess = -Int(bitPattern: reserved) & (hugePageBytes - 1)
  let address = unsafe reserved + excess
  let pageBytes = Int(getpagesize())
  let end = (byteCount + pageBytes - 1) / pageBytes * pageBytes
  if excess > 0 { unsafe munmap(reserved, excess) }
  unsafe munmap(address + end, byteCount + hugePageBytes - excess - end)
  #if os(Linux)
    // A hint alone: without huge pages everything works, slower. The last one is left out if the block does not fill
    // it: the rest of it would be memory that nobody uses.
    _ = unsafe madvise(address, byteCount / hugePageBytes * hugePageBytes, MADV_HUGEPAGE)
  #endif
  return unsafe address
}

/// Addresses that take memory only where somebody writes.
private func reserveAddresses(byteCount: Int) -> UnsafeMutableRawPointer {
  let address = unsafe mapAddresses(byteCount: byteCount, flags: MAP_NORESERVE)
  #if os(Linux)
    // The few values that are written should take a small page each.
    _ = unsafe madvise(address, byteCount, MADV_NOHUGEPAGE)
  #endif
  return unsafe address
}

private func giveBackAddresses(_ address: UnsafeMutableRawPointer, byteCount: Int) {
  unsafe munmap(address, byteCount)
}

private func mapAddresses(byteCount: Int, flags: Int32 = 0) -> UnsafeMutableRawPointer {
  let address = unsafe mmap(nil, byteCount, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0)
  guard let address = unsafe address, unsafe address != MAP_FAILED else {
    RefusedMemory.end(byteCount: byteCount, code: errno)
  }
  return unsafe address
}

/// What becomes of a program that the system refuses memory: it ends, for no kernel can go on without.
package enum RefusedMemory {
  package typealias Ending = @Sendable (_ byteCount: Int, _ code: Int32) -> Never

  private static let ending = Mutex<Ending> { byteCount, code in
    preconditionFailure("memory: the system refused \(byteCount) bytes (error \(code))")
  }

  /// Names what ends the program from now on, on the thread that asked for memory; until then it traps.
  ///
  /// - Parameter ending: gets the bytes that were asked for, and the system's error.
  package static func end(by ending: @escaping Ending) {
    Self.ending.withLock { $0 = ending }
  }

  static func end(byteCount: Int, code: Int32) -> Never {
    let ending = ending.withLock { $0 }
    ending(byteCount, code)
  }
}
