import Benchmarks
import CPUBackend
import TensorCore

enum Backends {
  static func make(threadCount: Int) -> CPUBackend { CPUBackend(threadCount: threadCount) }
}

extension CPUBackend: MemoryKernels {}
