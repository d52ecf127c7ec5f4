extension Tensor {
  /// A tensor that holds `values`.
  package init(_ values: [Float], shape: [Int], backend: any Backend) {
    let storage = backend.pool.storage(byteCount: values.count * DType.float32.byteCount)
    self.init(storage: storage, shape: shape)
    assign(values)
  }

  /// `[n]`, of ``DType/int32``.
  package init(indices: [Int32], pool: StoragePool) {
    let storage = pool.storage(byteCount: indices.count * DType.int32.byteCount)
    self.init(storage: storage, shape: [indices.count], dtype: .int32)
    assign(indices: indices)
  }

  /// `[n]`, of ``DType/float64``.
  package init(doubles: [Double], pool: StoragePool) {
    let storage = pool.storage(byteCount: doubles.count * DType.float64.byteCount)
    self.init(storage: storage, shape: [doubles.count], dtype: .float64)
    assign(doubles: doubles)
  }

  /// A copy of all elements, in row-major order.
  package var values: [Float] {
    precondition(dtype == .float32, "tensor: \(shape) of \(dtype) read as float32")
    return [Float](unsafeUninitializedCapacity: count) { values, initializedCount in
      unsafe storage.memory.download(range, to: UnsafeMutableRawBufferPointer(values))
      initializedCount = count
    }
  }

  /// A copy of all elements of a list of indices.
  package var indices: [Int32] {
    precondition(dtype == .int32, "tensor: \(shape) of \(dtype) read as indices")
    return [Int32](unsafeUninitializedCapacity: count) { indices, initializedCount in
      unsafe storage.memory.download(range, to: UnsafeMutableRawBufferPointer(indices))
      initializedCount = count
    }
  }

  /// A copy of all elements of a tensor of ``DType/float64``.
  package var doubles: [Double] { startReading().wait() }

  /// Starts to copy the elements of a tensor of ``DType/float64`` as all work so far leaves them, and returns at once.
  package func startReading() -> PendingDoubles {
    precondition(dtype == .float64, "tensor: \(shape) of \(dtype) read as float64")
    return PendingDoubles(download: storage.memory.startDownload(range))
  }

  /// Overwrites all elements.
  package func assign(_ values: [Float]) {
    precondition(
      values.count == count && dtype == .float32, "assign: \(values.count) values to \(shape) of \(dtype)")
    values.withUnsafeBytes { unsafe storage.memory.upload($0, to: range) }
  }

  /// Overwrites all elements of a list of indices.
  package func assign(indices: [Int32]) {
    precondition(
      indices.count == count && dtype == .int32, "assign: \(indices.count) indices to \(shape) of \(dtype)")
    indices.withUnsafeBytes { unsafe storage.memory.upload($0, to: range) }
  }

  /// Overwrites all elements of a tensor of ``DType/float64``.
  package func assign(doubles: [Double]) {
    precondition(
      doubles.count == count && dtype == .float64, "assign: \(doubles.count) doubles to \(shape) of \(dtype)")
    doubles.withUnsafeBytes { unsafe storage.memory.upload($0, to: range) }
  }

  /// Copies the elements of `other`, which has as many of the same type and lies elsewhere.
  package func assign(_ other: Tensor) {
    precondition(
      other.count == count && other.dtype == dtype,
      "assign: \(other.shape) of \(other.dtype) to \(shape) of \(dtype)")
    storage.memory.copy(other.range, to: range)
  }

  /// Lends the elements' bytes to be read, for files and transfers.
  package func withReadView<Result, Failure: Error>(
    _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try unsafe storage.memory.withReadView(of: range, body)
  }

  /// Lends bytes of arbitrary content, all of which become the elements'.
  package func withWriteView<Result, Failure: Error>(
    _ body: (UnsafeMutableRawBufferPointer) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try unsafe storage.memory.withWriteView(of: range, body)
  }

  /// Lends the elements' bytes to be read and written.
  package func withUpdateView<Result, Failure: Error>(
    _ body: (UnsafeMutableRawBufferPointer) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try unsafe storage.memory.withUpdateView(of: range, body)
  }

  /// The bytes of its elements.
  package var range: MemoryRange {
    MemoryRange(storage, start: offset * dtype.byteCount, byteCount: count * dtype.byteCount)
  }
}

/// Elements of ``DType/float64`` on their way to the host.
package struct PendingDoubles {
  fileprivate let download: any PendingDownload

  /// Waits until they are there.
  package func wait() -> [Double] {
    let bytes = download.wait()
    return bytes.withUnsafeBytes { unsafe Array($0.assumingMemoryBound(to: Double.self)) }
  }
}
