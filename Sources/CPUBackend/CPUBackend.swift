internal import CKernels
internal import COpenBLAS
package import TensorCore

/// The kernels on the processor's cores: OpenBLAS for products in single precision, C compiled per instruction set for
/// the rest.
///
/// Matrix products in single precision are divided by the number of threads. All other kernels cut their work into parts that do not depend
/// on that number and add partial results in the order of the parts, so they give the same bits for any. One thread at a
/// time may call a backend.
package final class CPUBackend: Backend {
  package let pool: StoragePool
  package let constants: ConstantCache
  /// The instructions that the kernels use.
  package let instructionLevel: InstructionLevel
  /// Of the operands of matrix products.
  package let precision: ProductPrecision
  let workers: WorkerPool
  /// Those of the instruction level.
  let kernels: ck_kernels

  /// - Parameters:
  ///   - threadCount: threads that share each kernel, the calling one included.
  ///   - level: instructions to use; by default the best for the precision that the machine has and the environment
  ///     allows.
  ///   - precision: of the operands of matrix products.
  ///   - computes: false for a backend whose kernels take the memory that they need and give it back, and nothing else:
  ///     a step on it shows what the same step takes, in no time and from memory that the system never has to find.
  package init(
    threadCount: Int, level: InstructionLevel? = nil, precision: ProductPrecision = .float32, computes: Bool = true
  ) {
    let available = InstructionLevel.available(for: precision)
    let level = level ?? .highest(for: precision)
    precondition(
      available.contains(level), "CPU backend: \(level) asked for in \(precision), there is \(available)")
    let memory = HostMemory(isReal: computes)
    self.pool = StoragePool(memory)
    self.constants = ConstantCache(memory)
    self.workers = WorkerPool(threadCount: threadCount, runsTasks: computes)
    self.instructionLevel = level
    self.precision = precision
    self.kernels = ck_kernels_at(level.kernelLevel)
    // The workers divide products among them and each calls BLAS for its part.
    openblas_set_num_threads(1)
  }

  package var threadCount: Int { workers.threadCount }

  /// The kernels that results depend on in the last bits.
  package var kernelNames: String {
    switch precision {
    case .float32: "\(Self.blasCoreName), \(instructionLevel)"
    case .bfloat16: "bfloat16 products of \(factorName), \(min(instructionLevel, .avx512))"
    }
  }

  /// What the instructions of products in bfloat16 multiply.
  private var factorName: String {
    switch instructionLevel {
    case .amxBFloat16: "tiles"
    case .avx512BFloat16: "pairs"
    case .baseline, .avx2, .avx512: "values"
    }
  }
}
