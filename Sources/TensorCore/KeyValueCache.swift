/// Keys and values that generation keeps of one layer; a slot that is given to a new row forgets the old one.
package struct KeyValueCache {
  /// `[slots, k | v]`, the slots of a sequence side by side; keys normed and rotated.
  package let rows: Tensor
  /// Slots from the first one of a ``CachedRow/sequence`` to that of the next: all that a sequence has where all have as
  /// many, 1 where each has a stretch of a length of its own and is known by the first slot of it.
  package let slotCount: Int

  /// A cache of stretches: a sequence is known by its first slot.
  package init(slots: Int, keyValueWidth: Int, backend: any Backend) {
    self.init(sequenceCount: slots, slotCount: 1, keyValueWidth: keyValueWidth, backend: backend)
  }

  /// A cache of equally many slots for each sequence.
  package init(sequenceCount: Int, slotCount: Int, keyValueWidth: Int, backend: any Backend) {
    let shape = [sequenceCount * slotCount, 2 * keyValueWidth]
    let byteCount = shape[0] * shape[1] * DType.float32.byteCount
    self.init(
      rows: Tensor(storage: backend.pool.storage(byteCount: byteCount), shape: shape), slotCount: slotCount)
  }

  /// - Parameter rows: as ``rows``.
  package init(rows: Tensor, slotCount: Int) {
    self.rows = rows
    self.slotCount = slotCount
  }

  package var byteCount: Int { rows.count * rows.dtype.byteCount }
}

/// One row of a call, as a cache knows it. Rows of a call stand in any order, as many of each sequence as there are.
package struct CachedRow: Hashable, Sendable {
  /// Whose row it is: the slots of a sequence begin at `sequence · slotCount` of the cache.
  package let sequence: Int
  /// Slot that takes its key and value; nil if the cache keeps nothing of it.
  package let slot: Int?
  /// Rotary position.
  package let position: Int
  /// Its query sees slots `0 ..< visibleCount`.
  package let visibleCount: Int

  /// - Parameter visibleCount: nil where a row sees all slots up to its own.
  package init(sequence: Int, slot: Int?, position: Int, visibleCount: Int? = nil) {
    self.sequence = sequence
    self.slot = slot
    self.position = position
    self.visibleCount = visibleCount ?? (slot ?? -1) + 1
  }

  /// As kernels read it.
  package var numbers: [Int32] { [sequence, slot ?? -1, position, visibleCount].map(Int32.init) }

  /// Tokens `positions` of a sequence: token t has position t and slot `t % slotCount`, for a sequence keeps the last tokens
  /// that it has slots for.
  package static func tokens(_ positions: Range<Int>, of sequence: Int, slotCount: Int) -> [CachedRow] {
    positions.map { position in
      CachedRow(
        sequence: sequence, slot: position < positions.upperBound - slotCount ? nil : position % slotCount,
        position: position, visibleCount: min(position + 1, slotCount))
    }
  }
}

extension Tape {
  /// Rows of this call alone, as kernels read them: `[R, 4]` of ``DType/int32``, which hold sequence, slot (−1 for none),
  /// position and visible count.
  package func upload(_ rows: [CachedRow]) -> Tensor {
    upload(rows.flatMap(\.numbers)).reshaped([rows.count, 4])
  }
}
