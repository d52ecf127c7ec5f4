internal import CKernels
package import TensorCore

extension CPUBackend {
  /// Multiply-adds below which waking another thread costs more than it saves.
  private static let smallestSharedAttention = 200_000

  package func cachedAttention(
    _ packed: Tensor, _ call: CachedAttention, tables: AttentionTables, output: Tensor
  ) {
    let shape = call.shape
    withLongs(call.rows.map(\.slot), call.rows.map(\.position), call.rows.map(\.visibleCount)) {
      slots, positions, visibleCounts in
      precondition(
        [packed, output].allSatisfy { $0.dtype == .float32 }, "cached attention: \(packed.dtype) into \(output.dtype)")
      var heads = ck_attention(packed, shape: shape, tables: tables)
      heads.output = output.rawAddress(of: 0)
      var kernel = ck_cached_attention()
      kernel.heads = heads
      kernel.queryCount = call.queryCount
      kernel.slotCount = call.cache.slotCount
      kernel.slots = slots
      kernel.positions = positions
      kernel.visibleCounts = visibleCounts
      kernel.cache = call.cache.rows.address
      attend(kernel, sharesWork: call.productCount >= Self.smallestSharedAttention)
    }
  }

  /// A task for each sequence and key/value head.
  private func attend(_ call: ck_cached_attention, sharesWork: Bool) {
    let taskCount = call.heads.sequenceCount * call.heads.keyValueHeadCount
    let slotCount = sharesWork ? max(1, min(taskCount, threadCount)) : 1
    let scratchCount = withUnsafePointer(to: call) { ck_cached_attention_scratch($0) }
    withScratch(Float.self, count: slotCount * scratchCount) { scratch in
      withUnsafePointer(to: call) { call in
        workers.run(taskCount: slotCount) { slot in
          for task in stride(from: slot, to: taskCount, by: slotCount) {
            let (sequence, head) = task.quotientAndRemainder(dividingBy: call.pointee.heads.keyValueHeadCount)
            kernels.attend_to_cache(call, sequence, head, scratch + slot * scratchCount)
          }
        }
      }
    }
  }

  private func withLongs(
    _ a: [Int], _ b: [Int], _ c: [Int],
    _ body: (UnsafePointer<Int>?, UnsafePointer<Int>?, UnsafePointer<Int>?) -> Void
  ) {
    a.withUnsafeBufferPointer { a in
      b.withUnsafeBufferPointer { b in
        c.withUnsafeBufferPointer { c in body(a.baseAddress, b.baseAddress, c.baseAddress) }
      }
    }
  }
}

extension CachedAttention {
  /// Multiply-adds of scores and sums of values.
  fileprivate var productCount: Int {
    let seen = rows.suffix(queryCount).reduce(0) { $0 + $1.visibleCount }
    return 2 * shape.sequenceCount * shape.queryWidth * seen
  }
}
