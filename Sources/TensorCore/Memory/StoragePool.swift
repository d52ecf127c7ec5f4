/// Memory that a training step uses again and again.
///
/// Memory comes from the system in segments, and a storage is a stretch of one: the first free stretch, in the order
/// of segments and addresses, that is long enough. A step asks for the same sizes in the same order each time, so once
/// it has found room in the segments it finds the same room again, and takes nothing from the system.
///
/// Where enough is free but in separate segments, as when the chunk size changes, one segment of their total size takes
/// their place: the pool settles at what the largest step needs, not at the sum over chunk sizes.
package final class StoragePool {
  /// A stretch of a segment.
  struct Block {
    let segment: Segment
    /// Bytes of the segment.
    let range: Range<Int>
  }

  /// Counts since the pool was made.
  package struct Statistics: Hashable, Sendable {
    /// Segments ever taken from the system.
    package var allocationCount = 0
    /// Bytes now held, in use or free.
    package var heldBytes = 0
    /// Bytes now in use.
    package var usedBytes = 0
    /// The largest `heldBytes` so far.
    package var peakHeldBytes = 0
    /// The largest `usedBytes` so far.
    package var peakUsedBytes = 0
    /// Bytes ever asked for.
    package var requestedBytes = 0
  }

  package private(set) var statistics = Statistics()

  /// Small storages share a segment of this size.
  private static let smallestSegment = 4 << 10

  /// Where segments come from.
  package let memory: any DeviceMemory
  private var segments: [Segment] = []

  package init(_ memory: any DeviceMemory) {
    self.memory = memory
  }

  deinit {
    for segment in segments { memory.free(segment.memory) }
  }

  /// Memory of at least `byteCount` bytes with arbitrary content.
  package func storage(byteCount: Int) -> Storage {
    let size = max(64, (byteCount + 63) & ~63)
    let block = freeBlock(size) ?? newBlock(size)
    statistics.usedBytes += size
    statistics.requestedBytes += size
    statistics.peakUsedBytes = max(statistics.peakUsedBytes, statistics.usedBytes)
    return Storage(block: block, byteCount: byteCount, pool: self)
  }

  func recycle(_ block: Block) {
    statistics.usedBytes -= block.range.count
    block.segment.giveBack(block.range)
  }

  private func freeBlock(_ size: Int) -> Block? {
    for segment in segments {
      if let range = segment.take(size) { return Block(segment: segment, range: range) }
    }
    return nil
  }

  private func newBlock(_ size: Int) -> Block {
    let unused = segments.filter(\.isUnused)
    let unusedBytes = unused.reduce(0) { $0 + $1.byteCount }
    if unusedBytes >= size {
      segments.removeAll(where: \.isUnused)
      for segment in unused { memory.free(segment.memory) }
      statistics.heldBytes -= unusedBytes
    }
    let segment = newSegment(unusedBytes >= size ? unusedBytes : max(size, Self.smallestSegment))
    guard let range = segment.take(size) else { preconditionFailure("pool: \(size) bytes of \(segment.byteCount)") }
    return Block(segment: segment, range: range)
  }

  private func newSegment(_ byteCount: Int) -> Segment {
    let segment = Segment(memory.allocate(byteCount: byteCount))
    segments.append(segment)
    statistics.allocationCount += 1
    statistics.heldBytes += byteCount
    statistics.peakHeldBytes = max(statistics.peakHeldBytes, statistics.heldBytes)
    return segment
  }
}

/// A piece of memory from the system, and which stretches of it are free.
final class Segment {
  let memory: any MemorySegment
  let byteCount: Int
  /// By address; no two touch each other.
  private var free: [Range<Int>]

  init(_ memory: any MemorySegment) {
    self.memory = memory
    byteCount = memory.byteCount
    free = [0..<byteCount]
  }

  /// Whether all of it is free.
  var isUnused: Bool { free.first?.count == byteCount }

  /// The beginning of the first free stretch that has `size` bytes.
  func take(_ size: Int) -> Range<Int>? {
    guard let index = free.firstIndex(where: { $0.count >= size }) else { return nil }
    let range = free[index]
    let taken = range.lowerBound..<range.lowerBound + size
    if range.count == size { free.remove(at: index) } else { free[index] = taken.upperBound..<range.upperBound }
    return taken
  }

  /// Makes a stretch free, as one with its free neighbours.
  func giveBack(_ range: Range<Int>) {
    var index = free.firstIndex { $0.lowerBound > range.lowerBound } ?? free.count
    var joined = range
    if index < free.count, free[index].lowerBound == range.upperBound {
      joined = joined.lowerBound..<free.remove(at: index).upperBound
    }
    if index > 0, free[index - 1].upperBound == range.lowerBound {
      index -= 1
      joined = free.remove(at: index).lowerBound..<joined.upperBound
    }
    free.insert(joined, at: index)
  }
}

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
