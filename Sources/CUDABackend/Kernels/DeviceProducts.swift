internal import CCUDA

/// Rows of a device's memory as products read and write them.
package struct DeviceMatrix {
  /// From the first element on.
  let array: DeviceArray
  let rowCount: Int
  let columnCount: Int
  /// Elements from one row to the next.
  let stride: Int
  /// Whether products use the transpose. Counts always describe memory.
  let isTransposed: Bool

  /// - Parameter stride: nil for rows that lie side by side.
  package init(
    _ array: DeviceArray, rowCount: Int, columnCount: Int, stride: Int? = nil, isTransposed: Bool = false
  ) {
    self.array = array
    self.rowCount = rowCount
    self.columnCount = columnCount
    // One row may have any stride, and the library insists on one that is wide enough.
    self.stride = max(1, stride ?? columnCount, columnCount)
    self.isTransposed = isTransposed
    precondition(
      rowCount * columnCount == 0 || array.count >= (rowCount - 1) * self.stride + columnCount,
      "matrix: \(rowCount) rows of \(columnCount), \(self.stride) apart, in \(array.count) elements")
  }

  package var transposed: DeviceMatrix {
    DeviceMatrix(
      array, rowCount: rowCount, columnCount: columnCount, stride: stride, isTransposed: !isTransposed)
  }

  /// Rows and columns as they are multiplied.
  var size: (rows: Int, columns: Int) { isTransposed ? (columnCount, rowCount) : (rowCount, columnCount) }

  /// Elements from a row, as it is multiplied, to the next, and from a column to the next: `Steps` of `Product.cu`.
  fileprivate var steps: (row: Int, column: Int) { isTransposed ? (1, stride) : (stride, 1) }
}

/// Matrix products by cuBLASLt, sums in float32, without TF32; by a plain kernel where that has no algorithm.
package final class DeviceProducts {
  private static let workspaceBytes = 32 << 20
  /// Rows and columns of what a block of the plain kernel makes.
  private static let plainTile = 16

  private let library: KernelLibrary
  private let handle: OpaquePointer
  private let workspace: DeviceAllocation
  /// Nil where the library has no algorithm.
  private var plans: [ProductPlan.Shape: ProductPlan?] = [:]

  package init(_ library: KernelLibrary) throws(CUDAError) {
    var handle: OpaquePointer?
    try check(ccuda_products_create(&handle))
    guard let handle else { throw .unavailable("cuBLASLt gave no handle") }
    self.library = library
    self.handle = handle
    workspace = try DeviceAllocation(library.device, byteCount: Self.workspaceBytes)
  }

  deinit {
    plans = [:]
    library.device.note(ccuda_products_destroy(handle))
  }

  /// `c = scale · a · b + keep · c`, row-major; a and b of one type. The algorithm is chosen at a shape's first call and
  /// kept.
  package func multiply(
    _ a: DeviceMatrix, _ b: DeviceMatrix, into c: DeviceMatrix, scale: Float = 1, keep: Float = 0,
    on stream: CUDAStream
  ) throws(CUDAError) {
    precondition(a.array.type == b.array.type, "product: \(a.array.type) times \(b.array.type)")
    precondition(
      !c.isTransposed && a.size.columns == b.size.rows && a.size.rows == c.rowCount
        && b.size.columns == c.columnCount,
      "product: \(a.size) times \(b.size) into \(c.size)")
    let shape = ProductPlan.Shape(a, b, c)
    guard let plan = try plan(shape) else {
      return try multiplyPlainly(a, b, into: c, scale: scale, keep: keep, on: stream)
    }
    try stream.timed(
      "product \(shape.m) x \(shape.n) x \(shape.k), \(shape.operands.rawValue) to \(shape.result.rawValue)"
    ) { () throws(CUDAError) in
      try check(
        ccuda_product_run(
          handle, plan.handle, scale, keep, a.array.address, b.array.address, c.array.address, workspace.address,
          workspace.byteCount, stream.handle))
    }
  }

  private func plan(_ shape: ProductPlan.Shape) throws(CUDAError) -> ProductPlan? {
    if let plan = plans[shape] { return plan }
    let plan = try ProductPlan.make(
      shape, products: handle, workspaceBytes: workspace.byteCount, device: library.device)
    plans[shape] = .some(plan)
    return plan
  }

  private func multiplyPlainly(
    _ a: DeviceMatrix, _ b: DeviceMatrix, into c: DeviceMatrix, scale: Float, keep: Float, on stream: CUDAStream
  ) throws(CUDAError) {
    let source = KernelSource(
      "Product.cu", ["OPERAND": a.array.type.sourceName, "RESULT": c.array.type.sourceName])
    let tile = Self.plainTile
    let launch = LaunchShape(
      x: (c.columnCount + tile - 1) / tile, y: (c.rowCount + tile - 1) / tile, threadCount: tile * tile)
    try library.kernel("multiplyPlain", of: source).launch(
      launch, on: stream, a.array.address, a.steps.row, a.steps.column, b.array.address, b.steps.row,
      b.steps.column, c.array.address, c.stride, c.rowCount, c.columnCount, a.size.columns, scale, keep)
  }
}

/// A shape of product and the algorithm that was chosen for it.
private final class ProductPlan {
  struct Shape: Hashable {
    let m, n, k: Int
    let aTransposed, bTransposed: Bool
    let strides, alignments: [Int]
    let operands, result: DeviceType

    init(_ a: DeviceMatrix, _ b: DeviceMatrix, _ c: DeviceMatrix) {
      (m, n, k) = (c.rowCount, c.columnCount, a.size.columns)
      (aTransposed, bTransposed) = (a.isTransposed, b.isTransposed)
      strides = [a.stride, b.stride, c.stride]
      alignments = [a.array.alignment, b.array.alignment, c.array.alignment]
      (operands, result) = (a.array.type, c.array.type)
    }
  }

  let handle: OpaquePointer
  private let device: CUDADevice

  private init(handle: OpaquePointer, device: CUDADevice) {
    self.handle = handle
    self.device = device
  }

  /// Nil where the library has no algorithm.
  static func make(
    _ shape: Shape, products: OpaquePointer, workspaceBytes: Int, device: CUDADevice
  ) throws(CUDAError) -> ProductPlan? {
    let described = ccuda_product_shape(
      m: Int64(shape.m), n: Int64(shape.n), k: Int64(shape.k), a_transposed: shape.aTransposed ? 1 : 0,
      b_transposed: shape.bTransposed ? 1 : 0, a_stride: Int64(shape.strides[0]), b_stride: Int64(shape.strides[1]),
      c_stride: Int64(shape.strides[2]), a_alignment: UInt32(shape.alignments[0]),
      b_alignment: UInt32(shape.alignments[1]), c_alignment: UInt32(shape.alignments[2]),
      ab_type: type(shape.operands), c_type: type(shape.result))
    var handle: OpaquePointer?
    try check(ccuda_product_create(products, described, workspaceBytes, &handle))
    return handle.map { ProductPlan(handle: $0, device: device) }
  }

  deinit { device.note(ccuda_product_destroy(handle)) }

  private static func type(_ type: DeviceType) -> ccuda_type {
    switch type {
    case .float32: ccuda_float32
    case .bfloat16: ccuda_bfloat16
    case .int32, .float64: preconditionFailure("product: \(type)")
    }
  }
}
