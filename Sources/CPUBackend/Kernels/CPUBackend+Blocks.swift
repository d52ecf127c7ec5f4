internal import CKernels
internal import Synchronization
internal import TensorCore

// How kernels cut their work. No cut depends on the number of threads, and partial sums are added in the order of the
// blocks: so results have the same bits for any number of threads.
extension CPUBackend {
  /// Elements of one task: long enough for handing it out to cost nothing, short enough to stay in a core's own cache.
  static var blockElements: Int { 32_768 }
  /// Elements whose sum is added up in one go.
  private static var sumElements: Int { 65_536 }
  /// Rows whose sum is added up in one go, if that does not take too many partial sums: errors grow with the number.
  private static var sumRows: Int { 256 }
  /// Most blocks of rows that have a partial sum each.
  private static var maximumRowSums: Int { 128 }

  /// Calls `body` with consecutive ranges that cover `0 ..< count`, each of at most `blockSize`, on all threads.
  func forEachBlock(of count: Int, by blockSize: Int, _ body: (_ block: Int, _ range: Range<Int>) -> Void) {
    workers.run(taskCount: blockCount(of: count, by: blockSize)) { block in
      body(block, block * blockSize..<min(count, (block + 1) * blockSize))
    }
  }

  /// Calls `body` with every task and a slot below `slotCount`, which no other task has meanwhile: who has a slot may use
  /// its scratch memory.
  func forEachTask(count: Int, slotCount: Int, _ body: (_ task: Int, _ slot: Int) -> Void) {
    let nextTask = Atomic<Int>(0)
    workers.run(taskCount: slotCount) { slot in
      while true {
        let task = nextTask.wrappingAdd(1, ordering: .relaxed).oldValue
        guard task < count else { return }
        body(task, slot)
      }
    }
  }

  /// Calls `body` with ranges of rows that hold about `blockElements` elements each, on all threads.
  func forEachRowBlock(of rowCount: Int, width: Int, _ body: (_ rows: Range<Int>) -> Void) {
    forEachBlock(of: rowCount, by: max(1, Self.blockElements / max(1, width))) { _, rows in body(rows) }
  }

  /// Sum over blocks of elements, in double precision.
  func sumOfBlocks(of count: Int, _ blockSum: (_ elements: Range<Int>) -> Double) -> Double {
    let blocks = blockCount(of: count, by: Self.sumElements)
    return unsafe withScratch(Double.self, count: blocks) { partials in
      forEachBlock(of: count, by: Self.sumElements) { block, range in unsafe partials[block] = blockSum(range) }
      return (0..<blocks).reduce(0) { unsafe $0 + partials[$1] }
    }
  }

  /// Adds to `sums` `[width]` what `body` adds to a partial sum `[width]` for each block of rows.
  func addRowBlockSums(
    rowCount: Int, width: Int, to sums: UnsafeMutablePointer<Float>,
    _ body: (_ rows: Range<Int>, _ partial: UnsafeMutablePointer<Float>) -> Void
  ) {
    let blockSize = max(
      1, min(Self.sumRows, Self.blockElements / max(1, width)), blockCount(of: rowCount, by: Self.maximumRowSums))
    let blocks = blockCount(of: rowCount, by: blockSize)
    unsafe withScratch(Float.self, count: blocks * width) { partials in
      forEachBlock(of: rowCount, by: blockSize) { block, rows in
        let partial = unsafe partials + block * width
        unsafe partial.update(repeating: 0, count: width)
        unsafe body(rows, partial)
      }
      unsafe kernels.add_rows(partials, blocks, width, width, sums)
    }
  }

  private func blockCount(of count: Int, by blockSize: Int) -> Int {
    (count + blockSize - 1) / blockSize
  }
}

extension CPUBackend {
  /// Calls `body` with memory from the pool for `count` values of arbitrary content.
  func withScratch<Value: BitwiseCopyable, Result>(
    _ type: Value.Type, count: Int, _ body: (UnsafeMutablePointer<Value>) -> Result
  ) -> Result {
    let storage = pool.storage(byteCount: count * MemoryLayout<Value>.stride)
    return withExtendedLifetime(storage) { unsafe body(storage.address.bindMemory(to: type, capacity: count)) }
  }
}

extension DType {
  /// The kernels' name of the type.
  var kernelType: ck_type {
    switch self {
    case .float32: CK_FLOAT32
    case .bfloat16: CK_BFLOAT16
    case .int32, .float64: preconditionFailure("kernel: numbers of \(self)")
    }
  }
}
