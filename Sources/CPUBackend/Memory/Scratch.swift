internal import TensorCore

extension CPUBackend {
  /// Calls `body` with memory from the pool for `count` values of arbitrary content.
  func withScratch<Value: BitwiseCopyable, Result>(
    _ type: Value.Type, count: Int, _ body: (UnsafeMutablePointer<Value>) -> Result
  ) -> Result {
    let storage = pool.storage(byteCount: count * MemoryLayout<Value>.stride)
    return withExtendedLifetime(storage) { body(storage.address.bindMemory(to: type, capacity: count)) }
  }
}
