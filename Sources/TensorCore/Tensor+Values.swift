extension Tensor {
  /// A tensor that holds `values`.
  package init(_ values: [Float], shape: [Int], backend: any Backend) {
    let storage = backend.pool.storage(byteCount: values.count * DType.float32.byteCount)
    self.init(storage: storage, shape: shape)
    assign(values)
  }

  /// A copy of all elements, in row-major order.
  package var values: [Float] {
    unsafe Array(UnsafeBufferPointer(start: address, count: count))
  }

  /// Overwrites all elements.
  package func assign(_ values: [Float]) {
    precondition(values.count == count, "assign: \(values.count) values to \(shape)")
    values.withUnsafeBufferPointer { source in
      guard let base = source.baseAddress else { return }
      unsafe address.update(from: base, count: count)
    }
  }

  /// Lends the elements as raw bytes, for files and transfers.
  package func withBytes<Result, Failure: Error>(
    _ body: (UnsafeMutableRawBufferPointer) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try unsafe body(UnsafeMutableRawBufferPointer(start: address, count: count * dtype.byteCount))
  }
}
