import Benchmarks
import CPUBackend
import TensorCore

enum Backends {
  static func make(threadCount: Int, precision: ProductPrecision = .float32) -> CPUBackend {
    CPUBackend(threadCount: threadCount, precision: precision)
  }
}

extension CPUBackend: MemoryKernels {}
