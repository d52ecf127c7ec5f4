import CPUBackend
import Foundation
import MemoryPlans
import Synchronization
import Telemetry

extension Host {
  /// What is left for a rank of that many threads, and for those beside it.
  static func room(threadCount: Int) -> MemoryRoom {
    let memory = AvailableMemory()
    return MemoryRoom(sharedBytes: memory.byteCount, addressBytes: memory.addressBytes(threadCount: threadCount))
  }

  /// Whether a backend was made before, whose buffers of BLAS others use as well.
  private static let hasBuffers = Mutex(false)

  /// Ends the program where its limits leave no addresses for the buffers of BLAS, which waits for them for ever.
  static func requireBuffers(threadCount: Int) {
    let isFirst = hasBuffers.withLock { hasBuffers in
      defer { hasBuffers = true }
      return !hasBuffers
    }
    guard isFirst, AvailableMemory().addressBytes(threadCount: threadCount) == 0 else { return }
    Console.standardError.print(
      "catlm: memory: the limit of this process (ulimit -v or -d) leaves no addresses for what its threads need "
        + "(\(threadCount), 192 MiB each); less is taken with fewer threads")
    Foundation.exit(Failure.inputCode)
  }

  /// Makes memory that the system refuses the program's end with one line: what was asked for, why, what would help.
  ///
  /// Limits of the process are the user's to raise; for the rest of the world the code is 1.
  static func endWhenMemoryIsRefused() {
    RefusedMemory.end { byteCount, code in
      let isLimited = AvailableMemory().addressBytes(threadCount: 0) != nil
      let reason = String(cString: strerror(code)) + (isLimited ? "; ulimit -v or -d limits this process" : "")
      Console.standardError.print(
        "catlm: memory: \(Format.bytes(byteCount)) more were asked for, the system refused (\(reason)); less is taken "
          + "with a smaller batch, in training also with train.recompute=blocks or more train.accumulation")
      Foundation.exit(isLimited ? Failure.inputCode : 1)
    }
  }
}
