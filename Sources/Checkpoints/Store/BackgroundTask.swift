internal import Foundation
internal import Glibc

/// Work on a thread of its own, one piece at a time, while the caller goes on.
///
/// The thread yields to those that compute: its priority is lower than theirs.
// `condition` guards all that can change. What a piece of work refers to is handed over with it: the caller leaves that
// alone until the work is done, and sees what it did after `wait()` or `takeResult()`.
package final class BackgroundTask<Output: Sendable>: @unchecked Sendable {
  /// How much more than its process a thread of this kind yields, in the system's steps of niceness.
  private static var yielding: Int32 { 5 }

  private let condition = NSCondition()
  private var work: (() -> Output)?
  private var isRunning = false
  private var result: Output?

  package init() {}

  /// Whether work was started and is not done.
  package var isBusy: Bool {
    condition.withLock { isRunning }
  }

  /// Starts `work`. The work before must be done and its result taken.
  package func start(_ work: @escaping () -> Output) {
    condition.withLock {
      precondition(!isRunning && result == nil, "background task: started while the last one counts")
      self.work = work
      isRunning = true
    }
    Thread { self.run() }.start()
  }

  /// Returns when nothing runs.
  package func wait() {
    condition.withLock {
      while isRunning { condition.wait() }
    }
  }

  /// What the last work gave, once; nil if it is not done or its result was taken.
  package func takeResult() -> Output? {
    condition.withLock {
      defer { result = nil }
      return result
    }
  }

  private func run() {
    // On Linux this is the calling thread's niceness alone. Without it the work is done all the same.
    let itself = __priority_which_t(PRIO_PROCESS.rawValue)
    _ = setpriority(itself, 0, min(19, getpriority(itself, 0) + Self.yielding))
    let work = condition.withLock {
      defer { self.work = nil }
      return self.work
    }
    let output = work?()
    condition.withLock {
      result = output
      isRunning = false
      condition.broadcast()
    }
  }
}

/// Memory for a copy of weights and moments: taken from the system once, all of it at once, and kept.
@safe package final class SnapshotMemory {
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
