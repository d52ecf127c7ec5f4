/// One new row of a sequence that is generated: the same place in every sequence of a batch.
package struct CachedRow: Hashable, Sendable {
  /// Slot of the cache that takes its key and value.
  package let slot: Int
  /// Rotary position.
  package let position: Int
  /// It sees slots `0 ..< visibleCount`.
  package let visibleCount: Int

  /// - Parameter visibleCount: nil where a row sees all slots up to its own.
  package init(slot: Int, position: Int, visibleCount: Int? = nil) {
    self.slot = slot
    self.position = position
    self.visibleCount = visibleCount ?? slot + 1
  }
}
