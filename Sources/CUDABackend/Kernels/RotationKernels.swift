internal import CUDASources
package import TensorCore

/// What the rotation of heads reads: see `AttentionTables`.
package struct RotationTables {
  /// `[positions, headWidth / 2]` of float32, as the sines.
  package let cosines: DeviceArray
  package let sines: DeviceArray
  /// Weights `[headWidth]` of the norms of queries and keys, both or none.
  package let norms: (query: DeviceArray, key: DeviceArray)?
  package let epsilon: Float

  package init(
    cosines: DeviceArray, sines: DeviceArray, norms: (query: DeviceArray, key: DeviceArray)?, epsilon: Float
  ) {
    self.cosines = cosines
    self.sines = sines
    self.norms = norms
    self.epsilon = epsilon
  }
}

/// Norms of query and key heads and their rotary embedding, over whole heads.
package struct RotationKernels {
  private static let threadCount = 256
  /// Blocks that share the rows of a backward pass, and so the order of the norms' gradients.
  private static let backwardBlockCount = 1056

  private let forwardKernel: Kernel
  private let backwardKernel: Kernel
  private let sums: ColumnSumKernel
  private let parts: DeviceArray

  package init(
    _ shape: AttentionShape, type: DeviceType, device: CUDADevice, cache: KernelCache
  ) throws(CUDAError) {
    precondition(shape.rotaryWidth == shape.headWidth, "rotation: \(shape.rotaryWidth) of \(shape.headWidth) channels")
    precondition(AttentionKernels.headWidths.contains(shape.headWidth), "rotation: heads of \(shape.headWidth)")
    let module = try KernelModule(
      KernelSource(
        "Rotation.cu",
        [
          "PATTERN": AttentionKind(shape.pattern).rawValue, "HEAD_WIDTH": "\(shape.headWidth)",
          "ACTIVATION": type.sourceName,
        ]), device: device, cache: cache)
    forwardKernel = try module.kernel("rotateForward")
    backwardKernel = try module.kernel("rotateBackward")
    sums = try ColumnSumKernel(device: device, cache: cache)
    parts = try DeviceArray(device, .float32, count: Self.backwardBlockCount * 2 * shape.headWidth)
  }

  /// Query and key heads of `packed` `[rows, q | k | v]` to `rotated`, which may be `packed` where there are no norms;
  /// the values are not copied.
  package func forward(
    _ shape: AttentionShape, packed: DeviceArray, tables: RotationTables, rotated: DeviceArray, on stream: CUDAStream
  ) throws(CUDAError) {
    let items = shape.rowCount * (shape.headCount + shape.keyValueHeadCount) * (shape.headWidth / 16)
    let launch = LaunchShape(x: (items + Self.threadCount - 1) / Self.threadCount, threadCount: Self.threadCount)
    try forwardKernel.launch(
      launch, on: stream, AttentionCall(shape), packed.address, Int32(shape.packedWidth), tables.cosines.address,
      tables.sines.address, tables.norms?.query.address ?? 0, tables.norms?.key.address ?? 0, tables.epsilon,
      rotated.address, Int32(shape.packedWidth), shape.rowCount)
  }

  /// Gradients of rotated heads in `gradients` `[rows, q | k | v]` become those of `packed`.
  ///
  /// - Parameter normGradients: `[query norm | key norm]`, `2·headWidth` of float32, accumulated; unused without norms.
  package func backward(
    _ shape: AttentionShape, packed: DeviceArray, tables: RotationTables, gradients: DeviceArray,
    normGradients: DeviceArray, on stream: CUDAStream
  ) throws(CUDAError) {
    let launch = LaunchShape(x: Self.backwardBlockCount, threadCount: Self.threadCount)
    try backwardKernel.launch(
      launch, on: stream, AttentionCall(shape), packed.address, Int32(shape.packedWidth), tables.cosines.address,
      tables.sines.address, tables.norms?.query.address ?? 0, tables.norms?.key.address ?? 0, tables.epsilon,
      gradients.address, shape.rowCount, parts.address)
    guard tables.norms != nil else { return }
    try sums.add(parts, count: Self.backwardBlockCount, to: normGradients, on: stream)
  }
}

/// Adds partial sums in their order.
struct ColumnSumKernel {
  private let kernel: Kernel

  init(device: CUDADevice, cache: KernelCache) throws(CUDAError) {
    kernel = try KernelModule(KernelSource("ColumnSums.cu"), device: device, cache: cache).kernel("addColumnSums")
  }

  /// `sums += parts[0] + parts[1] + …`, each as long as `sums`.
  func add(_ parts: DeviceArray, count: Int, to sums: DeviceArray, on stream: CUDAStream) throws(CUDAError) {
    precondition(parts.count >= count * sums.count, "column sums: \(count) parts of \(sums.count)")
    try kernel.launch(
      LaunchShape(x: (sums.count + 31) / 32, threadCount: 256), on: stream, parts.address, Int32(count),
      Int32(sums.count), sums.address)
  }
}
