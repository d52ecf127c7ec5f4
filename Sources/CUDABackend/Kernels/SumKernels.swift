/// Sums over elements and columns in orders that sizes alone decide, and the largest column of rows.
package struct SumKernels {
  /// Partial sums of all elements, whatever the device: so the order of the sum is the same on all.
  package static let partCount = 1056
  /// Rows that a partial sum of columns has at least, and most of them.
  private static let (columnPartRows, columnPartCount) = (64, 128)

  private let library: KernelLibrary
  private static let source = KernelSource("Sums.cu")

  package init(library: KernelLibrary) {
    self.library = library
  }

  /// Adds the sum of all elements, or of their squares, to `total`, one number of float64.
  ///
  /// - Parameter parts: scratch of float64, `[partCount]`.
  package func add(
    _ x: DeviceArray, squared: Bool = false, parts: DeviceArray, to total: DeviceArray, on stream: CUDAStream
  ) throws(CUDAError) {
    try sumParts(x, squared: squared, parts: parts, on: stream)
    try library.kernel("addParts", of: Self.source).launch(
      LaunchShape(x: 1, threadCount: 256), on: stream, parts.address, Int32(Self.partCount), total.address)
  }

  func sumParts(_ x: DeviceArray, squared: Bool, parts: DeviceArray, on stream: CUDAStream) throws(CUDAError) {
    precondition(parts.count >= Self.partCount, "sum: \(parts.count) parts of \(Self.partCount)")
    try library.kernel(squared ? "sumOfSquares" : "sumOfElements", of: Self.source).launch(
      LaunchShape(x: Self.partCount, threadCount: 256), on: stream, x.address, x.count, parts.address)
  }

  /// Adds the number of places at which two equally long lists of int32 agree to `total`.
  func addMatches(
    of x: DeviceArray, with y: DeviceArray, to total: DeviceArray, on stream: CUDAStream
  ) throws(CUDAError) {
    try library.kernel("countMatches", of: Self.source).launch(
      LaunchShape(x: 1, threadCount: 256), on: stream, x.address, y.address, x.count, total.address)
  }

  /// Column of the largest element of each row of `x`, into `columns` `[rows]` of int32.
  func largestColumns(of x: DeviceArray, into columns: DeviceArray, on stream: CUDAStream) throws(CUDAError) {
    guard columns.count > 0 else { return }
    try library.kernel("largestColumn", of: Self.source).launch(
      LaunchShape(x: columns.count, threadCount: 256), on: stream, x.address, Int32(x.count / columns.count),
      columns.address)
  }

  // MARK: Columns

  /// Partial sums that ``addColumns(of:to:parts:on:)`` makes of so many rows.
  static func columnParts(rowCount: Int) -> Int { max(1, min(columnPartCount, rowCount / columnPartRows)) }

  /// Adds the sums of the columns of a matrix to `sums`.
  ///
  /// - Parameter parts: scratch of float32, `[columnParts, columns]`.
  func addColumns(
    of x: DeviceMatrix, to sums: DeviceArray, parts: DeviceArray, on stream: CUDAStream
  ) throws(CUDAError) {
    let count = Self.columnParts(rowCount: x.rowCount)
    try library.kernel("sumColumns", of: Self.source).launch(
      LaunchShape(x: (x.columnCount + 31) / 32, y: count, threadCount: 256), on: stream, x.array.address, x.stride,
      x.columnCount, x.rowCount, parts.address)
    try addColumns(parts, count: count, to: sums, on: stream)
  }

  /// `sums += parts[0] + parts[1] + …`, each as long as `sums`.
  func addColumns(_ parts: DeviceArray, count: Int, to sums: DeviceArray, on stream: CUDAStream) throws(CUDAError) {
    precondition(parts.count >= count * sums.count, "column sums: \(count) parts of \(sums.count)")
    try library.kernel("addColumnSums", of: KernelSource("ColumnSums.cu")).launch(
      LaunchShape(x: (sums.count + 31) / 32, threadCount: 256), on: stream, parts.address, Int32(count),
      Int32(sums.count), sums.address)
  }
}
