/// A piece of memory that tensors share; it goes back to its pool when the last of them is gone.
package final class Storage {
  /// Where the memory begins. Host memory for a CPU backend.
  package let address: UnsafeMutableRawPointer
  package let byteCount: Int

  private let pool: StoragePool
  private let block: StoragePool.Block

  init(block: StoragePool.Block, byteCount: Int, pool: StoragePool) {
    self.address = block.address
    self.byteCount = byteCount
    self.block = block
    self.pool = pool
  }

  deinit {
    pool.recycle(block)
  }
}
