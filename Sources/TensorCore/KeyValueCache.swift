/// Keys and values that generation keeps of one layer; a slot that is given to a new row forgets the old one.
package struct KeyValueCache {
  /// `[B·S, k | v]`, the slots of a sequence side by side; keys normed and rotated.
  package let rows: Tensor
  /// S, slots of a sequence.
  package let slotCount: Int

  package init(sequenceCount: Int, slotCount: Int, keyValueWidth: Int, backend: any Backend) {
    let shape = [sequenceCount * slotCount, 2 * keyValueWidth]
    let byteCount = shape[0] * shape[1] * DType.float32.byteCount
    rows = Tensor(storage: backend.pool.storage(byteCount: byteCount), shape: shape)
    self.slotCount = slotCount
  }

  package var byteCount: Int { rows.count * rows.dtype.byteCount }
}
