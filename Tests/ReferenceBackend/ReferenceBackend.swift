package import TensorCore

/// Every op in the plainest Swift: one thread, sums in `Double`, read as the definition of what fast kernels do.
///
/// New memory is filled with not-a-number, so that a kernel or op that reads what nobody wrote shows it.
package final class ReferenceBackend: Backend {
  package let threadCount = 1
  package let precision = ProductPrecision.float32
  package let constants = ConstantCache(ReferenceMemory())
  private let sharedPool: StoragePool?

  /// - Parameter poisonsRecycled: whether memory that is used again is poisoned as well. Each look at `pool` then gives
  ///   a pool of its own, which ends with the memory it gave; pass false where pool statistics are looked at.
  package init(poisonsRecycled: Bool = true) {
    sharedPool = poisonsRecycled ? nil : Self.poisonedPool()
  }

  package var pool: StoragePool { sharedPool ?? Self.poisonedPool() }

  private static func poisonedPool() -> StoragePool { StoragePool(ReferenceMemory()) }
}
