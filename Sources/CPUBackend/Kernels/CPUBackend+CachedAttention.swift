internal import CKernels
package import TensorCore

extension CPUBackend {
  /// Multiply-adds below which waking another thread costs more than it saves.
  private static let smallestSharedAttention = 200_000
  /// Queries of a task: they read the same part of the cache where they are of one sequence.
  private static let queriesPerTask = 16

  package func appendToCache(_ packed: Tensor, heads: AttentionHeads, rows: CachedRows, tables: AttentionTables) {
    check(rows, queries: nil, tables: tables)
    let call = unsafe ck_cached_attention(packed, heads: heads, rows: rows, queries: nil, tables: tables)
    unsafe withUnsafePointer(to: call) { call in
      forEachRowBlock(of: rows.count, width: 2 * heads.keyValueWidth) { block in
        unsafe withUnsafeTemporaryAllocation(of: Float.self, capacity: (heads.width + 15) & ~15) { scratch in
          guard let scratch = scratch.baseAddress else { return }
          unsafe kernels.append_to_cache(call, block.lowerBound, block.upperBound, scratch)
        }
      }
    }
  }

  package func cachedAttention(
    _ packed: Tensor, heads: AttentionHeads, rows: CachedRows, queries: Tensor?, tables: AttentionTables,
    output: Tensor
  ) {
    check(rows, queries: queries, tables: tables)
    var call = unsafe ck_cached_attention(packed, heads: heads, rows: rows, queries: queries, tables: tables)
    unsafe call.heads.output = unsafe output.rawAddress(of: 0)
    let queryCount = queries?.count ?? rows.count
    let taskCount = (queryCount + Self.queriesPerTask - 1) / Self.queriesPerTask * heads.keyValueCount
    let sharesWork =
      unsafe workers.runsTasks && call.productCount(queryCount: queryCount) >= Self.smallestSharedAttention
    let slotCount = sharesWork ? max(1, min(taskCount, threadCount)) : 1
    let scratchCount = unsafe withUnsafePointer(to: call) { unsafe ck_cached_attention_scratch($0) }
    unsafe withScratch(Float.self, count: slotCount * scratchCount) { scratch in
      unsafe withUnsafePointer(to: call) { call in
        forEachTask(count: taskCount, slotCount: slotCount) { task, slot in
          let (block, head) = task.quotientAndRemainder(dividingBy: heads.keyValueCount)
          let first = block * Self.queriesPerTask
          unsafe kernels.attend_to_cache(
            call, first, min(queryCount, first + Self.queriesPerTask), head, scratch + slot * scratchCount)
        }
      }
    }
  }

  private func check(_ rows: CachedRows, queries: Tensor?, tables: AttentionTables) {
    guard workers.runsTasks else { return }
    let slotCount = rows.cache.rows.rowCount
    let positionCount = tables.cosines.rowCount
    unsafe precondition(
      rows.list.allSatisfy {
        let first = Int($0.sequence) * rows.cache.slotCount
        return (0..<positionCount).contains(Int($0.position)) && $0.visibleCount >= 0 && first >= 0
          && first + max(Int($0.visibleCount), Int($0.slot) + 1) <= slotCount
      }, "cache: a row of \(rows.count) is outside \(slotCount) slots or \(positionCount) positions")
    guard let queries else { return }
    let listed = unsafe UnsafeBufferPointer(start: queries.indexAddress, count: queries.count)
    unsafe precondition(
      listed.allSatisfy { (0..<rows.count).contains(Int($0)) }, "cached attention: a query of no row of \(rows.count)")
  }
}

extension CachedRows {
  fileprivate var list: UnsafeBufferPointer<ck_cached_row> {
    let address = unsafe UnsafeRawPointer(rows.indexAddress).assumingMemoryBound(to: ck_cached_row.self)
    return unsafe UnsafeBufferPointer(start: address, count: count)
  }
}

extension ck_cached_attention {
  fileprivate init(
    _ packed: Tensor, heads: AttentionHeads, rows: CachedRows, queries: Tensor?, tables: AttentionTables
  ) {
    unsafe self.init()
    let shape = AttentionShape(pattern: .causal(length: rows.count), sequenceCount: 1, heads: heads)
    unsafe self.heads = unsafe ck_attention(packed, shape: shape, tables: tables)
    unsafe self.rows = unsafe rows.list.baseAddress
    unsafe self.queries = unsafe queries?.indexAddress
    unsafe slotCount = rows.cache.slotCount
    unsafe cacheRowCount = rows.cache.rows.rowCount
    unsafe cache = unsafe rows.cache.rows.address
  }

  /// Multiply-adds of scores and sums of values.
  fileprivate func productCount(queryCount: Int) -> Int {
    let seen = (0..<queryCount).reduce(0) { sum, query in
      unsafe sum + Int(rows[queries.map { unsafe Int($0[query]) } ?? query].visibleCount)
    }
    return unsafe 2 * heads.headCount * heads.headWidth * seen
  }
}
