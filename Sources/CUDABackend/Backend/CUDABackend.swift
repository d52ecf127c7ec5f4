package import TensorCore

/// The kernels of a GPU, in the order of one stream.
///
/// Calls return before anything is computed. Whoever owns a result writes it, and sums have an order that sizes and the
/// device alone decide: a call gives the same bits each time. Products are cuBLASLt's, in float32 without TF32, or of
/// operands rounded to bfloat16 with sums in float32.
///
/// `logSumExp` of attention is `[H, query rows]` here: the backward pass alone reads it.
package final class CUDABackend: Backend {
  package let pool: StoragePool
  package let constants: ConstantCache
  package let precision: ProductPrecision
  /// A rank's host thread asks for all work.
  package let threadCount = 1
  /// Half a gibibyte: products of few rows leave most of a GPU idle.
  package let headBlockElements = 1 << 27
  /// Nil where steps are only planned.
  private let queue: CUDAQueue?

  /// - Parameters:
  ///   - ordinal: of the device, counted among those that the process may see.
  ///   - cache: of compiled kernels.
  package init(
    ordinal: Int = 0, precision: ProductPrecision = .float32, cache: KernelCache = KernelCache()
  ) throws(CUDAError) {
    let queue = try CUDAQueue(CUDADevice(ordinal: ordinal), cache: cache)
    let memory = try CUDAMemory(queue.device, stream: queue.stream)
    self.queue = queue
    self.precision = precision
    pool = StoragePool(memory)
    constants = ConstantCache(memory)
  }

  /// A backend that takes the memory that a device's would take, and computes nothing. It needs no device.
  package init(planning precision: ProductPrecision) {
    let memory = PlannedMemory()
    queue = nil
    self.precision = precision
    pool = StoragePool(memory)
    constants = ConstantCache(memory)
  }

  /// The device's name, such as `NVIDIA H200`; `planned` where there is none.
  package var deviceName: String { queue?.device.name ?? "planned" }
  /// What its results depend on in their last bits.
  package var kernelNames: String {
    guard let device = queue?.device else { return "planned" }
    return "\(device.name), \(device.architecture), \(precision) products"
  }
  package var ordinal: Int { queue?.device.ordinal ?? 0 }
  /// Bytes that the device has left.
  package var freeBytes: Int? { pool.memory.freeBytes }

  /// Times each kernel that `body` asks for, the longest first; nothing where there is no device.
  package func profile(_ body: () throws -> Void) throws -> [KernelTime] {
    guard let queue else { return [] }
    let profile = LaunchProfile(queue.stream)
    queue.stream.profile = profile
    defer { queue.stream.profile = nil }
    try body()
    return try profile.times()
  }

  /// Gives work to the device, if there is one.
  func run(_ body: (CUDAQueue) throws(CUDAError) -> Void) {
    guard let queue else { return }
    CUDAFailure.endIfThrown { () throws(CUDAError) in try body(queue) }
  }

  /// Memory of a call's own, which goes back to the pool after it: what the pool hands out next is written later.
  func scratch(_ shape: [Int], of dtype: DType = .float32) -> Tensor {
    Tensor(
      storage: pool.storage(byteCount: shape.reduce(1, *) * dtype.byteCount), shape: shape, dtype: dtype)
  }
}

/// A device, the order of its work, and the kernels and products that it runs.
final class CUDAQueue {
  let device: CUDADevice
  let stream: CUDAStream
  let library: KernelLibrary
  let products: DeviceProducts

  init(_ device: CUDADevice, cache: KernelCache) throws(CUDAError) {
    self.device = device
    stream = try CUDAStream(device)
    library = KernelLibrary(device, cache: cache)
    products = try DeviceProducts(library)
  }

  var elements: ElementKernels { ElementKernels(library: library) }
  var sums: SumKernels { SumKernels(library: library) }
  var rows: RowKernels { RowKernels(library: library) }
  var update: UpdateKernels { UpdateKernels(library: library) }
}
