internal import CCUDA
internal import Glibc
internal import Synchronization
internal import TensorCore

/// A GPU's memory. Work has the order of one stream; transfers of other threads than the steering one have another, and
/// are waited for.
///
/// Uploads go through pinned memory, so do downloads that are started; what is downloaded at once is the driver's to stage.
final class CUDAMemory: DeviceMemory {
  let isSynchronous = false

  let device: CUDADevice
  let stream: CUDAStream
  private let steering = pthread_self()
  private let uploads: UploadRing
  private let pinned = PinnedPool()
  /// Transfers of other threads, one at a time.
  private let sideStream: CUDAStream
  private let sideLock = Mutex(())

  init(_ device: CUDADevice, stream: CUDAStream) throws(CUDAError) {
    self.device = device
    self.stream = stream
    uploads = UploadRing(stream)
    sideStream = try CUDAStream(device)
  }

  var freeBytes: Int? { try? device.memory().freeBytes }

  private var isSteering: Bool { pthread_equal(pthread_self(), steering) != 0 }

  // MARK: Segments

  func allocate(byteCount: Int) -> any MemorySegment {
    CUDAFailure.endIfThrown { () throws(CUDAError) in
      CUDASegment(try DeviceAllocation(device, byteCount: byteCount))
    }
  }

  func free(_ segment: any MemorySegment) { unsafeDowncast(segment, to: CUDASegment.self).giveBack() }

  // MARK: Transfers

  func upload(_ bytes: UnsafeRawBufferPointer, to target: MemoryRange) {
    precondition(bytes.count == target.byteCount, "upload: \(bytes.count) bytes to \(target.byteCount)")
    guard bytes.count > 0 else { return }
    CUDAFailure.endIfThrown { () throws(CUDAError) in
      if isSteering { return try uploads.upload(bytes, to: target.address) }
      try transfer { () throws(CUDAError) in
        try check(ccuda_upload(target.address, bytes.baseAddress, bytes.count, sideStream.handle))
      }
    }
  }

  func download(_ source: MemoryRange, to bytes: UnsafeMutableRawBufferPointer) {
    precondition(bytes.count == source.byteCount, "download: \(source.byteCount) bytes to \(bytes.count)")
    guard bytes.count > 0 else { return }
    CUDAFailure.endIfThrown { () throws(CUDAError) in
      guard isSteering else {
        return try transfer { () throws(CUDAError) in
          try check(ccuda_download(bytes.baseAddress, source.address, bytes.count, sideStream.handle))
        }
      }
      try check(ccuda_download(bytes.baseAddress, source.address, bytes.count, stream.handle))
      try stream.synchronize()
    }
  }

  /// A transfer of another thread than the steering one, and the wait for it.
  private func transfer(_ body: () throws(CUDAError) -> Void) throws(CUDAError) {
    try device.makeCurrent()
    try sideLock.withLock { _ throws(CUDAError) in
      try body()
      try sideStream.synchronize()
    }
  }

  func startDownload(_ source: MemoryRange) -> any PendingDownload {
    CUDAFailure.endIfThrown { () throws(CUDAError) in
      let memory = try pinned.take(source.byteCount, on: device)
      if source.byteCount > 0 {
        try check(ccuda_download(memory.bytes.baseAddress, source.address, source.byteCount, stream.handle))
      }
      return CUDADownload(memory, byteCount: source.byteCount, arrival: try event(), pool: pinned)
    }
  }

  func copy(_ source: MemoryRange, to target: MemoryRange) {
    precondition(source.byteCount == target.byteCount, "copy: \(source.byteCount) bytes to \(target.byteCount)")
    guard source.byteCount > 0 else { return }
    CUDAFailure.endIfThrown { () throws(CUDAError) in
      try check(ccuda_copy(target.address, source.address, source.byteCount, stream.handle))
    }
  }

  // MARK: Events

  func recordEvent() -> any MemoryEvent {
    CUDAFailure.endIfThrown { () throws(CUDAError) in try event() }
  }

  private func event() throws(CUDAError) -> CUDAMoment {
    let event = try CUDAEvent(device)
    try event.record(on: stream)
    return CUDAMoment(event, device: device)
  }
}

/// A piece of a GPU's memory, or of none where only sizes are planned.
final class CUDASegment: MemorySegment {
  let byteCount: Int
  /// Nil for planned memory, and once the segment was given back.
  private(set) var allocation: DeviceAllocation?

  init(_ allocation: DeviceAllocation) {
    byteCount = allocation.byteCount
    self.allocation = allocation
  }

  /// Memory that is only planned.
  init(plannedByteCount: Int) {
    byteCount = plannedByteCount
  }

  func giveBack() { allocation = nil }
}

/// The moment when a GPU has done what it was asked for before.
private final class CUDAMoment: MemoryEvent {
  private let event: CUDAEvent
  private let device: CUDADevice

  init(_ event: CUDAEvent, device: CUDADevice) {
    self.event = event
    self.device = device
  }

  func wait() {
    CUDAFailure.endIfThrown { () throws(CUDAError) in
      try device.makeCurrent()
      try event.synchronize()
    }
  }
}

/// Bytes on their way to pinned memory.
private final class CUDADownload: PendingDownload {
  private let byteCount: Int
  private let arrival: CUDAMoment
  private let pool: PinnedPool
  /// Nil once the bytes were handed out.
  private var memory: PinnedMemory?
  private var bytes: [UInt8] = []

  init(_ memory: PinnedMemory, byteCount: Int, arrival: CUDAMoment, pool: PinnedPool) {
    self.memory = memory
    self.byteCount = byteCount
    self.arrival = arrival
    self.pool = pool
  }

  func wait() -> [UInt8] {
    guard let memory else { return bytes }
    arrival.wait()
    bytes = Array(memory.bytes.prefix(byteCount))
    pool.giveBack(memory)
    self.memory = nil
    return bytes
  }

  deinit {
    // Nobody may write to what the next download is given.
    guard let memory else { return }
    arrival.wait()
    pool.giveBack(memory)
  }
}

/// Memory that is only planned: it has sizes, and nothing behind them.
final class PlannedMemory: DeviceMemory {
  let isSynchronous = true
  let freeBytes: Int? = nil

  func allocate(byteCount: Int) -> any MemorySegment { CUDASegment(plannedByteCount: byteCount) }
  func free(_ segment: any MemorySegment) {}
  func upload(_ bytes: UnsafeRawBufferPointer, to target: MemoryRange) {}
  func download(_ source: MemoryRange, to bytes: UnsafeMutableRawBufferPointer) {
    bytes.initializeMemory(as: UInt8.self, repeating: 0)
  }
  func recordEvent() -> any MemoryEvent { PastEvent() }
  func copy(_ source: MemoryRange, to target: MemoryRange) {}
}

extension Storage {
  /// What it is a part of; nil where memory is only planned.
  fileprivate var allocation: DeviceAllocation {
    guard let allocation = unsafeDowncast(segment, to: CUDASegment.self).allocation else {
      preconditionFailure("device memory: a storage that was given back, or is only planned")
    }
    return allocation
  }
}

extension MemoryRange {
  fileprivate var address: UInt64 { storage.allocation.address + UInt64(storage.segmentOffset + start) }
}

extension DType {
  var deviceType: DeviceType {
    switch self {
    case .float32: .float32
    case .bfloat16: .bfloat16
    case .int32: .int32
    case .float64: .float64
    }
  }
}

extension Tensor {
  /// The same elements as kernels find them.
  var array: DeviceArray {
    DeviceArray(
      dtype.deviceType, count: count, memory: storage.allocation,
      offset: storage.segmentOffset / dtype.byteCount + offset)
  }
}

extension Matrix {
  /// The same elements as products find them.
  var device: DeviceMatrix {
    let count = rowCount * columnCount == 0 ? 0 : (rowCount - 1) * stride + columnCount
    let array = DeviceArray(
      dtype.deviceType, count: count, memory: storage.allocation,
      offset: storage.segmentOffset / dtype.byteCount + offset)
    return DeviceMatrix(
      array, rowCount: rowCount, columnCount: columnCount, stride: stride, isTransposed: isTransposed)
  }
}
