/// A piece of a backend's memory that tensors share; it goes back to its pool when the last of them is gone.
///
/// Where it is only its backend can tell; all others go through ``DeviceMemory``.
package final class Storage {
  package let byteCount: Int

  private let pool: StoragePool
  private let block: StoragePool.Block

  init(block: StoragePool.Block, byteCount: Int, pool: StoragePool) {
    self.byteCount = byteCount
    self.block = block
    self.pool = pool
  }

  deinit {
    pool.recycle(block)
  }

  /// The memory that it is a piece of.
  package var memory: any DeviceMemory { pool.memory }

  /// What the backend took from its system, of which this is a part. For that backend alone.
  package var segment: any MemorySegment { block.segment.memory }
  /// Where in the segment it begins, in bytes. For its backend alone.
  package var segmentOffset: Int { block.range.lowerBound }
}
