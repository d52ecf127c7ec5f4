/// A piece of memory that a backend took from its system. What it is, the backend alone knows: an address of the host,
/// one of a device, or a number.
package protocol MemorySegment: AnyObject {
  var byteCount: Int { get }
}

/// Some bytes of a storage.
package struct MemoryRange {
  package let storage: Storage
  /// The first byte, counted from the start of the storage.
  package let start: Int
  package let byteCount: Int

  package init(_ storage: Storage, start: Int, byteCount: Int) {
    precondition(
      start >= 0 && byteCount >= 0 && start + byteCount <= storage.byteCount,
      "memory: \(byteCount) bytes at \(start) of \(storage.byteCount)")
    self.storage = storage
    self.start = start
    self.byteCount = byteCount
  }
}

/// Bytes on their way to the host.
package protocol PendingDownload: AnyObject {
  /// Waits until they are there, and gives them.
  func wait() -> [UInt8]
}

/// A place in the order of a backend's work.
package protocol MemoryEvent: AnyObject {
  /// Waits until all work that was asked for before it is done. Any thread may call it.
  func wait()
}

/// The memory of a backend. Whoever is no backend asks it for whatever it wants with the bytes behind a ``Storage``.
///
/// A backend's work has an order: calls of kernels and the calls below take effect in the order in which they are made by
/// the thread that steers the backend. A backend may do them later; those that say so wait until they are done. Another
/// thread may upload, download and take views; its calls have no order with the work, except that they follow what it has
/// waited for with ``MemoryEvent/wait()``.
package protocol DeviceMemory: AnyObject {
  /// Whether all work is done when the call that asks for it returns, so that nobody ever waits. The same on all ranks.
  var isSynchronous: Bool { get }
  /// Bytes that it could still give; nil where it shares them with the rest of the machine and cannot tell.
  var freeBytes: Int? { get }

  /// Takes a piece from the system, with arbitrary content, aligned to at least 64 bytes.
  func allocate(byteCount: Int) -> any MemorySegment
  /// Gives a piece back that ``allocate(byteCount:)`` made.
  func free(_ segment: any MemorySegment)

  /// Copies bytes of the host, which may be changed as soon as this returns.
  func upload(_ bytes: UnsafeRawBufferPointer, to target: MemoryRange)
  /// Copies to the host, and waits for it.
  func download(_ source: MemoryRange, to bytes: UnsafeMutableRawBufferPointer)
  /// Starts to copy to the host what the bytes hold when all work so far is done, and returns at once. Later work does not
  /// change what arrives, nor is it waited for.
  func startDownload(_ source: MemoryRange) -> any PendingDownload
  /// Marks this place in the order of work.
  func recordEvent() -> any MemoryEvent
  /// Waits until all work so far is done.
  func wait()
  /// Copies equally many bytes from one place to another that it does not overlap.
  func copy(_ source: MemoryRange, to target: MemoryRange)

  // Views: bytes that the host may use as long as `body` runs. They are a copy unless the memory is the host's own.

  /// Lends bytes to be read.
  func withReadView<Result, Failure: Error>(
    of range: MemoryRange, _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
  ) throws(Failure) -> Result
  /// Lends bytes of arbitrary content, all of which are to be written.
  func withWriteView<Result, Failure: Error>(
    of range: MemoryRange, _ body: (UnsafeMutableRawBufferPointer) throws(Failure) -> Result
  ) throws(Failure) -> Result
  /// Lends bytes to be read and written.
  func withUpdateView<Result, Failure: Error>(
    of range: MemoryRange, _ body: (UnsafeMutableRawBufferPointer) throws(Failure) -> Result
  ) throws(Failure) -> Result
}

extension DeviceMemory {
  package func wait() { recordEvent().wait() }

  package func startDownload(_ source: MemoryRange) -> any PendingDownload {
    var bytes = [UInt8](repeating: 0xff, count: source.byteCount)
    bytes.withUnsafeMutableBytes { unsafe download(source, to: $0) }
    return FinishedDownload(bytes)
  }

  package func withReadView<Result, Failure: Error>(
    of range: MemoryRange, _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    let copy = HostCopy(byteCount: range.byteCount)
    download(range, to: copy.bytes)
    return try body(UnsafeRawBufferPointer(copy.bytes))
  }

  package func withWriteView<Result, Failure: Error>(
    of range: MemoryRange, _ body: (UnsafeMutableRawBufferPointer) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    let copy = HostCopy(byteCount: range.byteCount)
    let result = try body(copy.bytes)
    upload(UnsafeRawBufferPointer(copy.bytes), to: range)
    return result
  }

  package func withUpdateView<Result, Failure: Error>(
    of range: MemoryRange, _ body: (UnsafeMutableRawBufferPointer) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    let copy = HostCopy(byteCount: range.byteCount)
    download(range, to: copy.bytes)
    let result = try body(copy.bytes)
    upload(UnsafeRawBufferPointer(copy.bytes), to: range)
    return result
  }
}

/// The event of a memory that is synchronous: there is nothing to wait for.
package final class PastEvent: MemoryEvent {
  package init() {}

  package func wait() {}
}

/// A download that was waited for when it was started.
private final class FinishedDownload: PendingDownload {
  private let bytes: [UInt8]

  init(_ bytes: [UInt8]) {
    self.bytes = bytes
  }

  func wait() -> [UInt8] { bytes }
}

/// Memory of the host that a view of a device's lies in.
private final class HostCopy {
  let bytes: UnsafeMutableRawBufferPointer

  init(byteCount: Int) {
    bytes = .allocate(byteCount: byteCount, alignment: 64)
    // What nobody writes is not a number in any of the types that memory holds.
    bytes.initializeMemory(as: UInt8.self, repeating: 0xff)
  }

  deinit { bytes.deallocate() }
}
