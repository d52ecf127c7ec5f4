internal import CCUDA
internal import Synchronization

/// Memory of the host that a device's transfers take as it is.
final class PinnedMemory {
  let bytes: UnsafeMutableRawBufferPointer
  private let device: CUDADevice

  init(_ device: CUDADevice, byteCount: Int) throws(CUDAError) {
    var address: UnsafeMutableRawPointer?
    try check(ccuda_allocate_pinned(max(1, byteCount), &address))
    guard let address else { throw .unavailable("the driver gave no pinned memory") }
    bytes = UnsafeMutableRawBufferPointer(start: address, count: byteCount)
    self.device = device
  }

  deinit { device.note(ccuda_free_pinned(bytes.baseAddress)) }
}

/// Pinned memory that downloads use again and again. Any thread may give a piece back.
final class PinnedPool: Sendable {
  /// Pieces that nobody uses, by their size.
  // Only pieces that nobody else refers to are in there.
  private let free = Mutex<[Int: [Piece]]>([:])

  /// A piece of pinned memory on its way between threads.
  // One owner at a time: the pool, or whoever took it.
  private struct Piece: @unchecked Sendable {
    let memory: PinnedMemory
  }

  /// At least `byteCount` bytes.
  func take(_ byteCount: Int, on device: CUDADevice) throws(CUDAError) -> PinnedMemory {
    let size = Self.size(byteCount)
    if let piece = free.withLock({ $0[size]?.popLast() }) { return piece.memory }
    return try PinnedMemory(device, byteCount: size)
  }

  func giveBack(_ memory: PinnedMemory) {
    let piece = Piece(memory: memory)
    free.withLock { $0[piece.memory.bytes.count, default: []].append(piece) }
  }

  /// Powers of two up to a mebibyte, whole mebibytes beyond.
  private static func size(_ byteCount: Int) -> Int {
    let unit = 1 << 20
    guard byteCount < unit else { return (byteCount + unit - 1) / unit * unit }
    return 1 << max(6, Int.bitWidth - max(0, byteCount - 1).leadingZeroBitCount)
  }
}

/// Pinned memory that uploads go through, one after the other, so that whoever asks for one need not wait for it.
final class UploadRing {
  private static let slotBytes = 4 << 20
  private static let slotCount = 8

  /// A part of the ring, and the moment when the device has read it.
  private final class Slot {
    let memory: PinnedMemory
    let read: CUDAEvent
    var usedBytes = 0

    init(_ device: CUDADevice) throws(CUDAError) {
      memory = try PinnedMemory(device, byteCount: UploadRing.slotBytes)
      read = try CUDAEvent(device)
    }
  }

  private let stream: CUDAStream
  private var slots: [Slot] = []
  private var current = 0

  init(_ stream: CUDAStream) {
    self.stream = stream
  }

  /// Copies bytes to the device in the stream's order; they may be changed as soon as this returns.
  func upload(_ bytes: UnsafeRawBufferPointer, to address: UInt64) throws(CUDAError) {
    var done = 0
    while done < bytes.count {
      let slot = try slotWithRoom(for: min(bytes.count - done, Self.slotBytes))
      let count = min(bytes.count - done, Self.slotBytes - slot.usedBytes)
      let place = UnsafeMutableRawBufferPointer(rebasing: slot.memory.bytes[slot.usedBytes..<slot.usedBytes + count])
      place.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[done..<done + count]))
      try check(ccuda_upload(address + UInt64(done), place.baseAddress, count, stream.handle))
      // Transfers begin at multiples of 64 bytes.
      slot.usedBytes += (count + 63) & ~63
      done += count
    }
  }

  /// The slot of now, or the next one, once the device has read what was in it.
  private func slotWithRoom(for byteCount: Int) throws(CUDAError) -> Slot {
    if slots.isEmpty { slots.append(try Slot(stream.device)) }
    if slots[current].usedBytes + byteCount <= Self.slotBytes { return slots[current] }
    try slots[current].read.record(on: stream)
    current = (current + 1) % Self.slotCount
    if current == slots.count {
      slots.append(try Slot(stream.device))
    } else if try !slots[current].read.isPast() {
      try slots[current].read.synchronize()
    }
    slots[current].usedBytes = 0
    return slots[current]
  }
}
