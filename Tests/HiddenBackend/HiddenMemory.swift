internal import Foundation
internal import Glibc
package import TensorCore

/// Memory whose addresses the host can neither read nor write, and whose work is done as late as it may be: when somebody
/// waits for it. What it really holds lies in a shadow that its backend's kernels use.
///
/// It counts how often the thread that made it, which steers the backend, waits.
// All that can change is read and written under `lock`. It is held while work is done, so that the pools of the shadow,
// which a second thread may drive as well, see one thread at a time.
package final class HiddenMemory: DeviceMemory, @unchecked Sendable {
  package let isSynchronous = false

  private let lock = NSRecursiveLock()
  private let host: any DeviceMemory
  private let shadows: StoragePool
  private let steering = pthread_self()
  /// What is to be done, from `nextIndex` on.
  private var work: [(() -> Void)?] = []
  private var nextIndex = 0
  /// Pieces of work that were ever done.
  private var doneCount = 0
  private var waits = 0
  private var uploads = 0
  private var downloads = 0
  private var omitted: Int?
  private var usedBytes = 0

  /// - Parameter shadow: where the truth lies.
  init(shadow: any DeviceMemory) {
    host = shadow
    shadows = StoragePool(shadow)
  }

  deinit { waitForAll() }

  /// Times that the steering thread waited for work or for bytes.
  package var waitCount: Int { lock.withLock { waits } }
  package var uploadCount: Int { lock.withLock { uploads } }
  /// Downloads of any thread, those of views included.
  package var downloadCount: Int { lock.withLock { downloads } }

  /// Leaves one download out, counted from 0: what it should have filled holds nothing that is a number.
  package func omitDownload(_ index: Int) { lock.withLock { omitted = index } }

  /// As of a device with 1 GiB.
  package var freeBytes: Int? { lock.withLock { (1 << 30) - usedBytes } }

  // MARK: Work

  /// Does `body` when somebody waits for it, or for what comes after it.
  ///
  /// - Parameter body: holds no storage of this memory: whoever does the work would give it back on another thread.
  func enqueue(_ body: @escaping () -> Void) {
    lock.withLock { work.append(body) }
  }

  /// Does all work until `count` pieces were ever done.
  fileprivate func work(until count: Int) {
    lock.withLock {
      if isSteering { waits += 1 }
      while doneCount < count, nextIndex < work.count {
        work[nextIndex]?()
        work[nextIndex] = nil
        nextIndex += 1
        doneCount += 1
      }
      guard nextIndex == work.count else { return }
      work.removeAll(keepingCapacity: true)
      nextIndex = 0
    }
  }

  func waitForAll() { work(until: .max) }

  private var isSteering: Bool { pthread_equal(pthread_self(), steering) != 0 }
  private var askedCount: Int { lock.withLock { doneCount + work.count - nextIndex } }

  // MARK: Memory

  package func allocate(byteCount: Int) -> any MemorySegment {
    lock.withLock {
      usedBytes += byteCount
      let shadow = shadows.storage(byteCount: byteCount)
      // What nobody writes is not a number in any type.
      host.withWriteView(of: MemoryRange(shadow, start: 0, byteCount: byteCount)) { bytes in
        _ = bytes.initializeMemory(as: UInt8.self, repeating: 0xff)
      }
      return HiddenSegment(byteCount: byteCount, shadow: shadow)
    }
  }

  package func free(_ segment: any MemorySegment) {
    lock.withLock {
      usedBytes -= segment.byteCount
      (segment as? HiddenSegment)?.end()
    }
  }

  package func upload(_ bytes: UnsafeRawBufferPointer, to target: MemoryRange) {
    precondition(bytes.count == target.byteCount, "upload: \(bytes.count) bytes to \(target.byteCount)")
    let (copy, host, truth) = (Array(bytes), host, target.truth)
    let write = { copy.withUnsafeBytes { host.upload($0, to: truth) } }
    lock.withLock {
      uploads += 1
      // Another thread's calls follow what it has waited for, and nothing else.
      if isSteering { work.append(write) } else { write() }
    }
  }

  package func download(_ source: MemoryRange, to bytes: UnsafeMutableRawBufferPointer) {
    precondition(bytes.count == source.byteCount, "download: \(source.byteCount) bytes to \(bytes.count)")
    if isSteering { waitForAll() }
    lock.withLock {
      if downloads == omitted {
        _ = bytes.initializeMemory(as: UInt8.self, repeating: 0xff)
      } else {
        host.download(source.truth, to: bytes)
      }
      downloads += 1
    }
  }

  package func startDownload(_ source: MemoryRange) -> any PendingDownload {
    let arrival = Arrival(memory: self, byteCount: source.byteCount)
    let (host, truth) = (host, source.truth)
    enqueue { arrival.bytes.withUnsafeMutableBytes { host.download(truth, to: $0) } }
    arrival.place = askedCount
    return arrival
  }

  package func recordEvent() -> any MemoryEvent { Place(memory: self, count: askedCount) }

  package func copy(_ source: MemoryRange, to target: MemoryRange) {
    let (host, from, to) = (host, source.truth, target.truth)
    enqueue { host.copy(from, to: to) }
  }

  /// A place in the order of work.
  private final class Place: MemoryEvent {
    private let memory: HiddenMemory
    private let count: Int

    init(memory: HiddenMemory, count: Int) {
      self.memory = memory
      self.count = count
    }

    func wait() { memory.work(until: count) }
  }

  /// Bytes that come when somebody waits for them; not a number before.
  private final class Arrival: PendingDownload {
    private let memory: HiddenMemory
    var bytes: [UInt8]
    var place = 0

    init(memory: HiddenMemory, byteCount: Int) {
      self.memory = memory
      bytes = [UInt8](repeating: 0xff, count: byteCount)
    }

    func wait() -> [UInt8] {
      memory.work(until: place)
      return bytes
    }
  }
}

/// Addresses without access rights, and where what they stand for really is.
package final class HiddenSegment: MemorySegment {
  /// Whoever takes it for an address of the host traps.
  package let address: UnsafeMutableRawPointer
  package let byteCount: Int
  /// Nil once the segment was given back.
  private(set) var shadow: Storage?

  init(byteCount: Int, shadow: Storage) {
    let pages = mmap(nil, byteCount, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
    guard let pages, pages != MAP_FAILED else { preconditionFailure("hidden memory: mmap of \(byteCount) bytes") }
    address = pages
    self.byteCount = byteCount
    self.shadow = shadow
  }

  /// Gives its memory back.
  func end() {
    munmap(address, byteCount)
    shadow = nil
  }
}

extension Storage {
  fileprivate var shadow: Storage {
    guard let shadow = (segment as? HiddenSegment)?.shadow else {
      preconditionFailure("hidden memory: a storage of another, or one that was given back")
    }
    return shadow
  }
}

extension MemoryRange {
  /// The same bytes in the shadow.
  fileprivate var truth: MemoryRange {
    MemoryRange(storage.shadow, start: storage.segmentOffset + start, byteCount: byteCount)
  }
}

extension Tensor {
  /// The same elements in the shadow.
  var truth: Tensor {
    Tensor(
      storage: storage.shadow, offset: storage.segmentOffset / dtype.byteCount + offset, shape: shape,
      dtype: dtype)
  }
}

extension Matrix {
  /// The same elements in the shadow.
  var truth: Matrix {
    Matrix(
      storage: storage.shadow, offset: storage.segmentOffset / dtype.byteCount + offset, rowCount: rowCount,
      columnCount: columnCount, stride: stride, dtype: dtype, isTransposed: isTransposed)
  }
}
