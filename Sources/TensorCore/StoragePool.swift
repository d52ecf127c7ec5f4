/// Memory that a training step uses again and again.
///
/// Steps at different chunk sizes ask for slightly different sizes, so a free block serves any request that it is not
/// more than twice too large for. When none fits, smaller free blocks are released before a larger one is made: the
/// pool settles at what the largest step needs, not at the sum over chunk sizes.
package final class StoragePool {
  struct Block {
    let address: UnsafeMutableRawPointer
    let byteCount: Int
  }

  /// Counts since the pool was made.
  package struct Statistics: Hashable, Sendable {
    /// Blocks ever taken from the system.
    package var allocationCount = 0
    /// Bytes now held, in use or free.
    package var heldBytes = 0
    /// Bytes now in use.
    package var usedBytes = 0
    /// The largest `heldBytes` so far.
    package var peakHeldBytes = 0
  }

  package private(set) var statistics = Statistics()

  private let allocate: (Int) -> UnsafeMutableRawPointer
  private let free: (UnsafeMutableRawPointer, Int) -> Void
  private var freeBlocks: [Block] = []  // sorted by size, smallest first

  /// - Parameters:
  ///   - allocate: gives that many bytes, aligned to at least 64; never fails.
  ///   - free: takes back what `allocate` gave.
  package init(
    allocate: @escaping (Int) -> UnsafeMutableRawPointer,
    free: @escaping (UnsafeMutableRawPointer, Int) -> Void
  ) {
    self.allocate = allocate
    self.free = free
  }

  deinit {
    for block in freeBlocks { free(block.address, block.byteCount) }
  }

  /// Memory of at least `byteCount` bytes with arbitrary content.
  package func storage(byteCount: Int) -> Storage {
    let size = max(64, (byteCount + 63) & ~63)
    let block = takeFree(size) ?? makeBlock(size)
    statistics.usedBytes += block.byteCount
    return Storage(block: block, byteCount: byteCount, pool: self)
  }

  func recycle(_ block: Block) {
    statistics.usedBytes -= block.byteCount
    freeBlocks.insert(block, at: firstIndex(atLeast: block.byteCount))
  }

  private func takeFree(_ size: Int) -> Block? {
    let index = firstIndex(atLeast: size)
    guard index < freeBlocks.count, freeBlocks[index].byteCount <= max(4096, 2 * size) else { return nil }
    return freeBlocks.remove(at: index)
  }

  private func makeBlock(_ size: Int) -> Block {
    releaseSmaller(than: size)
    statistics.allocationCount += 1
    statistics.heldBytes += size
    statistics.peakHeldBytes = max(statistics.peakHeldBytes, statistics.heldBytes)
    return Block(address: allocate(size), byteCount: size)
  }

  private func releaseSmaller(than size: Int) {
    var released = 0
    var index = firstIndex(atLeast: size)
    // Only blocks of a similar size are in the way; small ones cost little and are asked for often.
    while index > 0, released < size, freeBlocks[index - 1].byteCount > size / 4 {
      index -= 1
      let block = freeBlocks.remove(at: index)
      released += block.byteCount
      statistics.heldBytes -= block.byteCount
      free(block.address, block.byteCount)
    }
  }

  private func firstIndex(atLeast size: Int) -> Int {
    var low = 0
    var high = freeBlocks.count
    while low < high {
      let middle = (low + high) / 2
      if freeBlocks[middle].byteCount < size { low = middle + 1 } else { high = middle }
    }
    return low
  }
}
