internal import CUDASources
package import TensorCore

/// The memory of one attention call's backward pass.
package struct AttentionGradients {
  /// `[query rows, H·headWidth]`.
  package let output: DeviceArray
  /// `[rows, q | k | v]`; query columns of rows without queries are not written.
  package let packed: DeviceArray
  /// Scratch, `[H, query rows]` of float32.
  package let deltas: DeviceArray

  package init(output: DeviceArray, packed: DeviceArray, deltas: DeviceArray) {
    self.output = output
    self.packed = packed
    self.deltas = deltas
  }
}

/// Attention over rows whose heads are normed and rotated: scaled dot products over a pattern, softmax, values.
///
/// With rows of bfloat16, products run on tensor cores, for head widths 32, 64 and 128; with rows of float32, all of it is
/// in float32, slowly: what parity is checked with.
package struct AttentionKernels {
  package let type: DeviceType
  private let headWidth: Int
  private let kernels: [AttentionPart: Kernel]
  private let tiles: [AttentionPart: AttentionTiles]

  private static let plainFile = "AttentionPlain.cu"
  private static let plainThreadCount = 128

  /// Kernels for the pattern of `shape`, whatever its sizes, and its head width.
  package init(
    _ shape: AttentionShape, type: DeviceType, device: CUDADevice, cache: KernelCache
  ) throws(CUDAError) {
    self.type = type
    headWidth = shape.headWidth
    let kind = AttentionKind(shape.pattern)
    var (kernels, tiles): ([AttentionPart: Kernel], [AttentionPart: AttentionTiles]) = ([:], [:])
    for part in AttentionPart.allCases {
      if type == .bfloat16 {
        let best = AttentionTiles.best(part, kind: kind, headWidth: headWidth)
        let module = try KernelModule(
          best.source(part, kind: kind, headWidth: headWidth), device: device, cache: cache)
        let kernel = try module.kernel(part.kernelName)
        try kernel.allow(sharedBytes: best.sharedBytes(part, headWidth: headWidth))
        (kernels[part], tiles[part]) = (kernel, best)
      } else {
        let source = KernelSource(
          Self.plainFile,
          ["PATTERN": kind.rawValue, "HEAD_WIDTH": "\(headWidth)", "ACTIVATION": type.sourceName])
        kernels[part] = try KernelModule(source, device: device, cache: cache).kernel(part.kernelName + "Plain")
      }
    }
    (self.kernels, self.tiles) = (kernels, tiles)
  }

  /// Head widths that tensor cores take.
  package static let headWidths = [32, 64, 128]

  /// - Parameters:
  ///   - packed: `[rows, q | k | v]`.
  ///   - output: `[query rows, H·headWidth]`.
  ///   - logSumExp: `[H, query rows]` of float32.
  package func forward(
    _ shape: AttentionShape, packed: DeviceArray, output: DeviceArray, logSumExp: DeviceArray, on stream: CUDAStream
  ) throws(CUDAError) {
    let columns = Columns(shape, in: packed)
    try launch(.forward, shape, stream) { (kernel, launch, call) throws(CUDAError) in
      try kernel.launch(
        launch, on: stream, call, columns.queries, columns.keys, columns.values, output.address, logSumExp.address)
    }
  }

  /// Gradients of rotated queries and keys, and of values; `output` and `logSumExp` are what ``forward`` gave.
  package func backward(
    _ shape: AttentionShape, packed: DeviceArray, output: DeviceArray, logSumExp: DeviceArray,
    gradients: AttentionGradients, on stream: CUDAStream
  ) throws(CUDAError) {
    try queryGradient(
      shape, packed: packed, output: output, logSumExp: logSumExp, gradients: gradients, on: stream)
    try keyGradient(shape, packed: packed, logSumExp: logSumExp, gradients: gradients, on: stream)
  }

  /// The first half of ``backward``: queries' gradients, and the deltas that the second half reads.
  func queryGradient(
    _ shape: AttentionShape, packed: DeviceArray, output: DeviceArray, logSumExp: DeviceArray,
    gradients: AttentionGradients, on stream: CUDAStream
  ) throws(CUDAError) {
    let columns = Columns(shape, in: packed)
    try launch(.queryGradient, shape, stream) { (kernel, launch, call) throws(CUDAError) in
      try kernel.launch(
        launch, on: stream, call, columns.queries, columns.keys, columns.values, output.address, logSumExp.address,
        gradients.output.address, gradients.packed.address, gradients.deltas.address)
    }
  }

  func keyGradient(
    _ shape: AttentionShape, packed: DeviceArray, logSumExp: DeviceArray, gradients: AttentionGradients,
    on stream: CUDAStream
  ) throws(CUDAError) {
    let (columns, written) = (Columns(shape, in: packed), Columns(shape, in: gradients.packed))
    try launch(.keyGradient, shape, stream) { (kernel, launch, call) throws(CUDAError) in
      try kernel.launch(
        launch, on: stream, call, columns.queries, columns.keys, columns.values, logSumExp.address,
        gradients.output.address, gradients.deltas.address, written.keys, written.values)
    }
  }

  /// What a launch of a part takes of a multiprocessor.
  func usage(_ part: AttentionPart, _ shape: AttentionShape) throws(CUDAError) -> KernelUsage {
    let (kernel, launch) = launchShape(part, shape)
    return try kernel.usage(launch)
  }

  private func launch(
    _ part: AttentionPart, _ shape: AttentionShape, _ stream: CUDAStream,
    _ body: (Kernel, LaunchShape, AttentionCall) throws(CUDAError) -> Void
  ) throws(CUDAError) {
    precondition(shape.headWidth == headWidth, "attention: head width \(shape.headWidth), compiled for \(headWidth)")
    let (kernel, launch) = launchShape(part, shape)
    try body(kernel, launch, AttentionCall(shape))
  }

  private func launchShape(_ part: AttentionPart, _ shape: AttentionShape) -> (Kernel, LaunchShape) {
    guard let kernel = kernels[part] else { preconditionFailure("attention: no kernel for \(part)") }
    let headCount = part == .keyGradient ? shape.keyValueHeadCount : shape.headCount
    guard let tiles = tiles[part] else {
      let rowCount = part == .keyGradient ? shape.rowCount : shape.queryRows.count
      let warps = Self.plainThreadCount / 32
      return (
        kernel, LaunchShape(x: (rowCount + warps - 1) / warps, y: headCount, threadCount: Self.plainThreadCount)
      )
    }
    let call = AttentionCall(shape)
    let withFirst = part == .keyGradient || !shape.dropsFirstQueries
    return (
      kernel,
      LaunchShape(
        x: call.tileCount(rowCount: tiles.rowCount, withFirst: withFirst), y: headCount, z: Int(call.sequenceCount),
        threadCount: tiles.threadCount, sharedBytes: tiles.sharedBytes(part, headWidth: headWidth))
    )
  }

  /// Where queries, keys and values begin in packed rows.
  private struct Columns {
    let queries: UInt64
    let keys: UInt64
    let values: UInt64

    init(_ shape: AttentionShape, in packed: DeviceArray) {
      queries = packed.address
      keys = packed.from(shape.queryWidth).address
      values = packed.from(shape.queryWidth + shape.keyValueHeadCount * shape.headWidth).address
    }
  }
}
