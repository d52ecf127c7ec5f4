/// A two-dimensional view into a tensor's memory: what matrix products read and write.
package struct Matrix {
  package let storage: Storage
  /// First element, counted from the start of the storage.
  package let offset: Int
  package let rowCount: Int
  package let columnCount: Int
  /// Elements from one row to the next.
  package let stride: Int
  package let dtype: DType
  /// Whether products use this view's transpose. `rowCount` and `columnCount` always describe memory.
  package let isTransposed: Bool

  package init(
    storage: Storage, offset: Int, rowCount: Int, columnCount: Int, stride: Int, dtype: DType = .float32,
    isTransposed: Bool = false
  ) {
    precondition(columnCount <= stride || rowCount <= 1, "matrix: \(columnCount) columns, stride \(stride)")
    self.storage = storage
    self.offset = offset
    self.rowCount = rowCount
    self.columnCount = columnCount
    self.stride = stride
    self.dtype = dtype
    self.isTransposed = isTransposed
  }

  /// All of `tensor`, its first dimension as rows and the others as columns.
  package init(_ tensor: Tensor) {
    self.init(
      storage: tensor.storage, offset: tensor.offset, rowCount: tensor.rowCount, columnCount: tensor.rowWidth,
      stride: tensor.rowWidth, dtype: tensor.dtype)
  }

  /// The transpose, without moving anything.
  package var transposed: Matrix {
    Matrix(
      storage: storage, offset: offset, rowCount: rowCount, columnCount: columnCount, stride: stride, dtype: dtype,
      isTransposed: !isTransposed)
  }

  /// A part of this view, in memory order.
  package func part(rows: Range<Int>, columns: Range<Int>) -> Matrix {
    precondition(
      rows.lowerBound >= 0 && rows.upperBound <= rowCount && columns.lowerBound >= 0
        && columns.upperBound <= columnCount,
      "matrix part: rows \(rows), columns \(columns) of \(rowCount) × \(columnCount)")
    return Matrix(
      storage: storage, offset: offset + rows.lowerBound * stride + columns.lowerBound, rowCount: rows.count,
      columnCount: columns.count, stride: stride, dtype: dtype, isTransposed: isTransposed)
  }
}
