import Testing

@testable import TensorCore

struct StoragePoolTests {
  /// Memory that counts the bytes it has given.
  private final class System: DeviceMemory {
    let isSynchronous = true
    let freeBytes: Int? = nil
    private final class Piece: MemorySegment {
      let byteCount: Int

      init(byteCount: Int) { self.byteCount = byteCount }
    }

    private(set) var bytes = 0
    private(set) var requests: [Int] = []

    func allocate(byteCount: Int) -> any MemorySegment {
      bytes += byteCount
      requests.append(byteCount)
      return Piece(byteCount: byteCount)
    }

    func free(_ segment: any MemorySegment) { bytes -= segment.byteCount }

    // Nobody asks for what the pieces hold.
    func upload(_ bytes: UnsafeRawBufferPointer, to target: MemoryRange) {}
    func download(_ source: MemoryRange, to bytes: UnsafeMutableRawBufferPointer) {}
    func recordEvent() -> any MemoryEvent { PastEvent() }
    func copy(_ source: MemoryRange, to target: MemoryRange) {}

    func pool() -> StoragePool { StoragePool(self) }
  }

  /// Where a storage lies.
  private struct Place: Equatable {
    let segment: ObjectIdentifier
    let bytes: Range<Int>

    init(_ storage: Storage) {
      segment = ObjectIdentifier(storage.segment)
      bytes = storage.segmentOffset..<storage.segmentOffset + storage.byteCount
    }
  }

  private let large = 1 << 20

  @Test func `memory that was given back is used again`() {
    let pool = System().pool()
    let first = Place(pool.storage(byteCount: large))
    #expect(Place(pool.storage(byteCount: large)) == first)
    #expect(Place(pool.storage(byteCount: large - 100)).bytes.lowerBound == first.bytes.lowerBound)
    #expect(pool.statistics.allocationCount == 1)
  }

  @Test func `storages in use never overlap and are aligned to cache lines`() {
    let pool = System().pool()
    var held: [Storage?] = []
    var state: UInt64 = 1
    for _ in 0..<2000 {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      let size = Int(state >> 40) % 300_000
      if state >> 63 == 0, !held.isEmpty { held[Int(state >> 33) % held.count] = nil }
      held.append(pool.storage(byteCount: size))
      if held.count > 60 { held.removeFirst() }
    }
    for places in Dictionary(grouping: held.compactMap { $0 }.map(Place.init), by: \.segment).values {
      let ranges = places.map(\.bytes).sorted { $0.lowerBound < $1.lowerBound }
      #expect(ranges.allSatisfy { $0.lowerBound % 64 == 0 })
      #expect(zip(ranges, ranges.dropFirst()).allSatisfy { $0.upperBound <= $1.lowerBound })
    }
  }

  @Test func `a sequence of requests that found room finds it again`() {
    let pool = System().pool()
    /// Requests whose lifetimes overlap as in a forward and a backward pass.
    func step(_ unit: Int) {
      var held = (1...20).map { pool.storage(byteCount: unit * ($0 % 5 + 1)) }
      while let last = held.popLast() {
        let gradient = pool.storage(byteCount: last.byteCount + unit / 3)
        withExtendedLifetime((last, gradient)) {}
      }
    }
    for unit in [10_000, 13_000, 17_000, 11_000] + [10_000, 13_000, 17_000, 11_000] { step(unit) }
    let before = pool.statistics
    for unit in [17_000, 10_000, 10_000, 13_000, 11_000, 17_000, 13_000] { step(unit) }
    #expect(pool.statistics.allocationCount == before.allocationCount)
    #expect(Double(before.peakHeldBytes) < 1.3 * Double(before.peakUsedBytes), "\(before)")
  }

  @Test func `free segments are joined before more is taken`() {
    let system = System()
    let pool = system.pool()
    var held = (0..<4).map { _ in pool.storage(byteCount: large) }
    held.removeAll()
    let joined = pool.storage(byteCount: 3 * large)
    #expect(system.requests == [large, large, large, large, 4 * large])
    #expect(system.bytes == 4 * large)
    withExtendedLifetime(joined) {}
  }

  @Test func `a segment in use stays where it is`() {
    let system = System()
    let pool = system.pool()
    let kept = pool.storage(byteCount: large)
    let before = Place(kept)
    for factor in 2...5 { _ = pool.storage(byteCount: factor * large) }
    #expect(Place(kept) == before)
    #expect(system.bytes == 6 * large)
  }

  @Test func `statistics count what is held and used`() {
    let system = System()
    let pool = system.pool()
    var first: Storage? = pool.storage(byteCount: large)
    let second = pool.storage(byteCount: 100)
    #expect(pool.statistics.usedBytes == large + 128)
    #expect(pool.statistics.heldBytes == system.bytes)
    withExtendedLifetime(first) {}
    first = nil
    #expect(pool.statistics.usedBytes == 128)
    #expect(pool.statistics.heldBytes == system.bytes)
    #expect(pool.statistics.peakUsedBytes == large + 128)
    #expect(pool.statistics.allocationCount == system.requests.count)
    withExtendedLifetime(second) {}
  }

  @Test func `a pool that ends gives everything back`() {
    let system = System()
    do {
      let pool = system.pool()
      for factor in 1...5 { _ = pool.storage(byteCount: factor * large) }
      #expect(system.bytes > 0)
    }
    #expect(system.bytes == 0)
  }

  @Test func `a storage keeps its pool`() {
    let system = System()
    var storage: Storage? = system.pool().storage(byteCount: large)
    withExtendedLifetime(storage) {}
    #expect(system.bytes == large)
    storage = nil
    #expect(system.bytes == 0)
  }
}
