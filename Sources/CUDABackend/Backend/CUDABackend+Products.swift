package import TensorCore

extension CUDABackend {
  package func multiply(_ a: Matrix, _ b: Matrix, into c: Matrix, scale: Float, accumulate: Bool) {
    precondition(!accumulate || c.dtype == .float32, "multiply: added to \(c.dtype)")
    precondition(
      precision == .bfloat16 || [a, b, c].allSatisfy { $0.dtype == .float32 },
      "multiply: operands of bfloat16 in single precision")
    guard c.rowCount > 0, c.columnCount > 0 else { return }
    guard (a.isTransposed ? a.rowCount : a.columnCount) > 0 else { return accumulate ? () : clear(c) }
    let (left, right) = (rounded(a), rounded(b))
    run { queue throws(CUDAError) in
      try queue.products.multiply(
        left.device, right.device, into: c.device, scale: scale, keep: accumulate ? 1 : 0, on: queue.stream)
    }
  }

  /// The matrix as products take it: rounded, in memory of its own, where it is not and products are of rounded operands.
  private func rounded(_ matrix: Matrix) -> Matrix {
    guard precision == .bfloat16, matrix.dtype == .float32 else { return matrix }
    // Rows at multiples of 16 bytes, as tensor cores like them.
    let stride = (matrix.columnCount + 7) & ~7
    let memory = scratch([matrix.rowCount, stride], of: .bfloat16)
    let rounded = Matrix(
      storage: memory.storage, offset: 0, rowCount: matrix.rowCount, columnCount: matrix.columnCount, stride: stride,
      dtype: .bfloat16, isTransposed: matrix.isTransposed)
    run { queue throws(CUDAError) in try queue.elements.round(matrix.device, to: rounded.device, on: queue.stream) }
    return rounded
  }

  /// A sum of nothing.
  private func clear(_ c: Matrix) {
    let zeros = scratch([1, c.columnCount], of: c.dtype)
    zeros.withWriteView { bytes in _ = bytes.initializeMemory(as: UInt8.self, repeating: 0) }
    for row in 0..<c.rowCount {
      let start = (c.offset + row * c.stride) * c.dtype.byteCount
      pool.memory.copy(
        zeros.range, to: MemoryRange(c.storage, start: start, byteCount: c.columnCount * c.dtype.byteCount))
    }
  }
}
