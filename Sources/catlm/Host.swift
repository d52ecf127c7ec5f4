import CPUBackend
import Foundation
import Logging
import Parallel
import TensorCore

/// What the program finds on the machine, and the backend that it makes of it.
enum Host {
  /// Cores that this process may use; its affinity counts.
  static var coreCount: Int { ProcessInfo.processInfo.activeProcessorCount }

  /// Threads for a rank: as set, or its share of the cores that it may use.
  ///
  /// - Parameter localRankCount: ranks of the job on this machine, which may all see the same cores.
  static func threadCount(setting: Int?, localRankCount: Int = 1) -> Int {
    setting ?? max(1, coreCount / max(1, localRankCount))
  }

  /// Says so when the environment holds BLAS below what the processor can do.
  static func warnOfSlowBLAS(_ logger: Logger) {
    guard let forced = ProcessInfo.processInfo.environment["OPENBLAS_CORETYPE"] else { return }
    logger.warning(
      "OPENBLAS_CORETYPE is set; unset it to let BLAS choose its kernels",
      metadata: ["forced": "\(forced)", "used": "\(CPUBackend.blasCoreName)"])
  }

  static func makeBackend(threadCount: Int) -> CPUBackend {
    CPUBackend(threadCount: threadCount)
  }
}
