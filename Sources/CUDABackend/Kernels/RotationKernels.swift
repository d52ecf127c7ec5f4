internal import CUDASources
package import TensorCore

/// What the rotation of heads reads: see `AttentionTables`.
package struct RotationTables {
  /// `[positions, rotaryWidth / 2]` of float32, as the sines.
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

  /// As kernels take them.
  var heads: HeadTables {
    HeadTables(
      cosines: UInt(cosines.address), sines: UInt(sines.address), queryNorm: UInt(norms?.query.address ?? 0),
      keyNorm: UInt(norms?.key.address ?? 0), epsilon: epsilon)
  }

  fileprivate var arrays: [DeviceArray] { [cosines, sines] + (norms.map { [$0.query, $0.key] } ?? []) }
}

/// Norms of query and key heads and their rotary embedding. Whole heads of 32, 64 and 128 channels at addresses that are
/// multiples of 16 have kernels of their own; others have plain ones.
package struct RotationKernels {
  private static let threadCount = 256
  /// Blocks that share the rows of a backward pass, and so the order of the norms' gradients.
  private static let backwardBlockCount = 1056
  private static let plainWarpCount = 4

  private let shape: AttentionShape
  private let type: DeviceType
  private let library: KernelLibrary

  package init(_ shape: AttentionShape, type: DeviceType, library: KernelLibrary) {
    self.shape = shape
    self.type = type
    self.library = library
  }

  private var source: KernelSource {
    KernelSource(
      "Rotation.cu",
      [
        "PATTERN": AttentionKind(shape.pattern).rawValue, "HEAD_WIDTH": "\(shape.headWidth)",
        "ACTIVATION": type.sourceName,
      ])
  }
  private var plainSource: KernelSource {
    KernelSource(
      "RotationPlain.cu",
      [
        "PATTERN": AttentionKind(shape.pattern).rawValue, "HEAD_WIDTH": "\(shape.headWidth)",
        "ROTARY_WIDTH": "\(shape.rotaryWidth)", "ACTIVATION": type.sourceName,
      ])
  }

  private func isFast(_ arrays: [DeviceArray]) -> Bool {
    shape.rotaryWidth == shape.headWidth && AttentionKernels.headWidths.contains(shape.headWidth)
      && arrays.allSatisfy { $0.alignment >= 16 }
  }

  private var headCount: Int { shape.headCount + shape.keyValueHeadCount }

  /// Query and key heads of `packed` `[rows, q | k | v]` to `rotated`, which may be `packed` where there are no norms.
  ///
  /// - Parameters:
  ///   - rotated: rows that begin with `q | k`; anything behind them is not touched.
  ///   - stride: elements from one row of `rotated` to the next.
  package func forward(
    packed: DeviceArray, tables: RotationTables, rotated: DeviceArray, stride: Int, on stream: CUDAStream
  ) throws(CUDAError) {
    let call = AttentionCall(shape)
    guard isFast([packed, rotated] + tables.arrays) else {
      return try library.kernel("rotateForwardPlain", of: plainSource).launch(
        LaunchShape(items: shape.rowCount * headCount * 32, threadCount: Self.plainWarpCount * 32), on: stream, call,
        tables.heads, packed.address, shape.packedWidth, rotated.address, stride, shape.rowCount)
    }
    let items = shape.rowCount * headCount * (shape.headWidth / 16)
    try library.kernel("rotateForward", of: source).launch(
      LaunchShape(items: items, threadCount: Self.threadCount), on: stream, call, packed.address,
      Int32(shape.packedWidth), tables.cosines.address, tables.sines.address, tables.norms?.query.address ?? 0,
      tables.norms?.key.address ?? 0, tables.epsilon, rotated.address, Int32(stride), shape.rowCount)
  }

  /// Numbers of float32 that ``backward`` needs as scratch memory for the gradients of norms.
  package static func partCount(headWidth: Int) -> Int { backwardBlockCount * 2 * headWidth }

  /// Gradients of rotated heads in `gradients` `[rows, q | k | v]` become those of `packed`.
  ///
  /// - Parameters:
  ///   - normGradients: of the norms of queries and keys, `[headWidth]` of float32 each, accumulated; nil if not wanted.
  ///   - parts: scratch, ``partCount(headWidth:)``; unused without norms.
  package func backward(
    packed: DeviceArray, tables: RotationTables, gradients: DeviceArray,
    normGradients: (query: DeviceArray, key: DeviceArray)?, parts: DeviceArray?, on stream: CUDAStream
  ) throws(CUDAError) {
    let call = AttentionCall(shape)
    let partsAddress = parts?.address ?? 0
    if isFast([packed, gradients] + tables.arrays + (parts.map { [$0] } ?? [])) {
      try library.kernel("rotateBackward", of: source).launch(
        LaunchShape(x: Self.backwardBlockCount, threadCount: Self.threadCount), on: stream, call, packed.address,
        Int32(shape.packedWidth), tables.cosines.address, tables.sines.address, tables.norms?.query.address ?? 0,
        tables.norms?.key.address ?? 0, tables.epsilon, gradients.address, shape.rowCount, partsAddress)
    } else {
      try library.kernel("rotateBackwardPlain", of: plainSource).launch(
        LaunchShape(x: Self.backwardBlockCount, threadCount: Self.plainWarpCount * 32), on: stream, call, tables.heads,
        packed.address, shape.packedWidth, gradients.address, shape.rowCount, partsAddress)
    }
    guard tables.norms != nil, let normGradients, let parts else { return }
    // Each part is `[query norm | key norm]`.
    try library.kernel("addColumnPairs", of: KernelSource("ColumnSums.cu")).launch(
      LaunchShape(x: (2 * shape.headWidth + 31) / 32, threadCount: 256), on: stream, parts.address,
      Int32(Self.backwardBlockCount), Int32(shape.headWidth), normGradients.query.address, normGradients.key.address)
  }
}
