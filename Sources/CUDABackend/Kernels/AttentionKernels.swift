internal import CUDASources
package import TensorCore

/// Rows that attention reads: queries and keys, normed and rotated, in one array, values in another or the same.
package struct AttentionRows {
  /// Rows that begin with `q | k`, and elements from one to the next.
  let heads: DeviceArray
  let headStride: Int
  /// Rows `[q | k | v]` of the shape's packed width, of which the values are read.
  let packed: DeviceArray

  /// - Parameter rotated: `q | k` of each row, `stride` elements apart; nil where `packed` has them in place.
  package init(packed: DeviceArray, rotated: (array: DeviceArray, stride: Int)? = nil, shape: AttentionShape) {
    heads = rotated?.array ?? packed
    headStride = rotated?.stride ?? shape.packedWidth
    self.packed = packed
  }
}

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
/// With rows of bfloat16 and heads of ``headWidths``, products run on tensor cores; with others all of it is in float32,
/// slowly: what parity is checked with.
package struct AttentionKernels {
  private let shape: AttentionShape
  private let type: DeviceType
  private let library: KernelLibrary

  private static let plainFile = "AttentionPlain.cu"
  private static let plainThreadCount = 128

  package init(_ shape: AttentionShape, type: DeviceType, library: KernelLibrary) {
    self.shape = shape
    self.type = type
    self.library = library
  }

  /// Head widths that tensor cores take.
  package static let headWidths = [32, 64, 128]

  private var usesTensorCores: Bool { type == .bfloat16 && Self.headWidths.contains(shape.headWidth) }

  /// - Parameters:
  ///   - output: `[query rows, H·headWidth]`.
  ///   - logSumExp: `[H, query rows]` of float32.
  package func forward(
    _ rows: AttentionRows, output: DeviceArray, logSumExp: DeviceArray, on stream: CUDAStream
  ) throws(CUDAError) {
    let columns = Columns(shape, rows)
    let (kernel, launch) = try launch(.forward)
    try kernel.launch(
      launch, on: stream, call(rows), columns.queries, columns.keys, columns.values, output.address,
      logSumExp.address)
  }

  /// Gradients of rotated queries and keys, and of values; `output` and `logSumExp` are what ``forward`` gave.
  package func backward(
    _ rows: AttentionRows, output: DeviceArray, logSumExp: DeviceArray, gradients: AttentionGradients,
    on stream: CUDAStream
  ) throws(CUDAError) {
    try queryGradient(rows, output: output, logSumExp: logSumExp, gradients: gradients, on: stream)
    try keyGradient(rows, logSumExp: logSumExp, gradients: gradients, on: stream)
  }

  /// The first half of ``backward``: queries' gradients, and the deltas that the second half reads.
  func queryGradient(
    _ rows: AttentionRows, output: DeviceArray, logSumExp: DeviceArray, gradients: AttentionGradients,
    on stream: CUDAStream
  ) throws(CUDAError) {
    let columns = Columns(shape, rows)
    let (kernel, launch) = try launch(.queryGradient)
    try kernel.launch(
      launch, on: stream, call(rows), columns.queries, columns.keys, columns.values, output.address,
      logSumExp.address, gradients.output.address, gradients.packed.address, gradients.deltas.address)
  }

  func keyGradient(
    _ rows: AttentionRows, logSumExp: DeviceArray, gradients: AttentionGradients, on stream: CUDAStream
  ) throws(CUDAError) {
    let columns = Columns(shape, rows)
    let written = Columns(shape, AttentionRows(packed: gradients.packed, shape: shape))
    let (kernel, launch) = try launch(.keyGradient)
    try kernel.launch(
      launch, on: stream, call(rows), columns.queries, columns.keys, columns.values, logSumExp.address,
      gradients.output.address, gradients.deltas.address, written.keys, written.values)
  }

  /// What a launch of a part takes of a multiprocessor.
  func usage(_ part: AttentionPart) throws(CUDAError) -> KernelUsage {
    let (kernel, launch) = try launch(part)
    return try kernel.usage(launch)
  }

  private func call(_ rows: AttentionRows) -> AttentionCall {
    var call = AttentionCall(shape)
    (call.queryStride, call.keyStride) = (Int32(rows.headStride), Int32(rows.headStride))
    return call
  }

  private func launch(_ part: AttentionPart) throws(CUDAError) -> (Kernel, LaunchShape) {
    let headCount = part == .keyGradient ? shape.keyValueHeadCount : shape.headCount
    let kind = AttentionKind(shape.pattern)
    guard usesTensorCores else {
      let rowCount = part == .keyGradient ? shape.rowCount : shape.queryRows.count
      let warps = Self.plainThreadCount / 32
      let source = KernelSource(
        Self.plainFile,
        ["PATTERN": kind.rawValue, "HEAD_WIDTH": "\(shape.headWidth)", "ACTIVATION": type.sourceName])
      return (
        try library.kernel(part.kernelName + "Plain", of: source),
        LaunchShape(x: (rowCount + warps - 1) / warps, y: headCount, threadCount: Self.plainThreadCount)
      )
    }
    let tiles = AttentionTiles.best(part, kind: kind, headWidth: shape.headWidth)
    let call = AttentionCall(shape)
    let launch = LaunchShape(
      x: call.tileCount(
        rowCount: tiles.rowCount, withFirst: part == .keyGradient || !shape.dropsFirstQueries), y: headCount,
      z: Int(call.sequenceCount), threadCount: tiles.threadCount,
      sharedBytes: tiles.sharedBytes(part, headWidth: shape.headWidth))
    let source = tiles.source(part, kind: kind, headWidth: shape.headWidth)
    return (try library.kernel(part.kernelName, of: source, sharedBytes: launch.sharedBytes), launch)
  }

  /// Where queries, keys and values begin.
  private struct Columns {
    let queries: UInt64
    let keys: UInt64
    let values: UInt64

    init(_ shape: AttentionShape, _ rows: AttentionRows) {
      queries = rows.heads.address
      keys = rows.heads.from(shape.queryWidth).address
      values = rows.packed.from(shape.queryWidth + shape.keyValueHeadCount * shape.headWidth).address
    }
  }
}
