internal import CKernels
internal import COpenBLAS
package import TensorCore

/// The kernels on the processor's cores: OpenBLAS for products, C compiled per instruction set for the rest.
///
/// Matrix products are divided by the number of threads. All other kernels cut their work into parts that do not depend
/// on that number and add partial results in the order of the parts, so they give the same bits for any. One thread at a
/// time may call a backend.
package final class CPUBackend: Backend {
  package let pool: StoragePool
  /// The instructions that the kernels use.
  package let instructionLevel: InstructionLevel
  let workers: WorkerPool
  let level: ck_level

  /// - Parameters:
  ///   - threadCount: threads that share each kernel, the calling one included.
  ///   - level: instructions to use; by default the best that the machine has.
  package init(threadCount: Int, level: InstructionLevel? = nil) {
    let level = level ?? .detected
    precondition(
      InstructionLevel.available.contains(level),
      "CPU backend: \(level) asked for, the machine has \(InstructionLevel.available)")
    self.pool = StoragePool(allocate: allocateMemory, free: freeMemory)
    self.workers = WorkerPool(threadCount: threadCount)
    self.level = level.kernelLevel
    self.instructionLevel = level
    // The workers divide products among them and each calls BLAS for its part.
    openblas_set_num_threads(1)
  }

  package var threadCount: Int { workers.threadCount }
}
