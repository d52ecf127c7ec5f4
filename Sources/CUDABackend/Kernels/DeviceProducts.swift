internal import CCUDA

/// Matrix products by cuBLASLt, sums in float32, without TF32.
package final class DeviceProducts {
  private static let workspaceBytes = 32 << 20

  private let device: CUDADevice
  private let handle: OpaquePointer
  private let workspace: DeviceAllocation
  private var plans: [ProductPlan.Shape: ProductPlan] = [:]

  package init(_ device: CUDADevice) throws(CUDAError) {
    var handle: OpaquePointer?
    try check(ccuda_products_create(&handle))
    guard let handle else { throw .unavailable("cuBLASLt gave no handle") }
    self.device = device
    self.handle = handle
    workspace = try DeviceAllocation(device, byteCount: Self.workspaceBytes)
  }

  deinit {
    plans = [:]
    device.note(ccuda_products_destroy(handle))
  }

  /// `c = a · b`, row-major, `c` `[m, n]`. The algorithm is chosen at a shape's first call and kept.
  ///
  /// - Parameters:
  ///   - a: `[m, k]`, or `[k, m]` if `aTransposed`.
  ///   - b: `[k, n]`, or `[n, k]` if `bTransposed`; of a's type.
  package func multiply(
    _ a: DeviceArray, aTransposed: Bool = false, _ b: DeviceArray, bTransposed: Bool = false, into c: DeviceArray,
    m: Int, n: Int, k: Int, on stream: CUDAStream
  ) throws(CUDAError) {
    precondition(a.type == b.type, "product: \(a.type) times \(b.type)")
    precondition(a.count >= m * k && b.count >= k * n && c.count >= m * n, "product: \(m)x\(n)x\(k)")
    let plan = try plan(
      ProductPlan.Shape(
        m: m, n: n, k: k, aTransposed: aTransposed, bTransposed: bTransposed, operands: a.type, result: c.type))
    try check(
      ccuda_product_run(
        handle, plan.handle, 1, 0, a.address, b.address, c.address, workspace.address, workspace.byteCount,
        stream.handle))
  }

  private func plan(_ shape: ProductPlan.Shape) throws(CUDAError) -> ProductPlan {
    if let plan = plans[shape] { return plan }
    let plan = try ProductPlan(shape, products: handle, workspaceBytes: workspace.byteCount, device: device)
    plans[shape] = plan
    return plan
  }
}

/// A shape of product and the algorithm that was chosen for it.
private final class ProductPlan {
  struct Shape: Hashable {
    let m, n, k: Int
    let aTransposed, bTransposed: Bool
    let operands, result: DeviceType
  }

  let handle: OpaquePointer
  private let device: CUDADevice

  init(_ shape: Shape, products: OpaquePointer, workspaceBytes: Int, device: CUDADevice) throws(CUDAError) {
    let (m, n, k) = (Int64(shape.m), Int64(shape.n), Int64(shape.k))
    let described = ccuda_product_shape(
      m: m, n: n, k: k, a_transposed: shape.aTransposed ? 1 : 0, b_transposed: shape.bTransposed ? 1 : 0,
      a_stride: shape.aTransposed ? m : k, b_stride: shape.bTransposed ? k : n, c_stride: n,
      ab_type: Self.type(shape.operands), c_type: Self.type(shape.result))
    var handle: OpaquePointer?
    try check(ccuda_product_create(products, described, workspaceBytes, &handle))
    guard let handle else { throw .unavailable("cuBLASLt gave no product") }
    self.handle = handle
    self.device = device
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
