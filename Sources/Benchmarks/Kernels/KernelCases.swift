internal import Layers
internal import Models
internal import TensorCore

/// Calls of a backend's kernels on the sizes of a step.
struct KernelCases {
  static let productName = "product"

  let sizes: KernelSizes
  let backend: any MemoryKernels
  /// Of the operands of the backend's products; those of attention are not rounded.
  let precision: ProductPrecision

  func filled(_ shape: Int...) -> Tensor { Tensor.filled(shape, backend) }

  /// Bytes of `arrayCount` arrays of `count` numbers.
  func bytes(_ arrayCount: Int, of count: Int) -> KernelWork {
    .bytes(Double(arrayCount) * Double(count) * Double(DType.float32.byteCount))
  }

  /// A product in its three layouts: forward, gradient of the input, gradient of the weight.
  func products(_ shape: ProductShape) -> [KernelCase] {
    let (x, y) = (filled(shape.m, shape.k), filled(shape.m, shape.n))
    let (weight, weightGradient) = (filled(shape.n, shape.k), filled(shape.n, shape.k))
    let (output, inputGradient) = (filled(shape.m, shape.n), filled(shape.m, shape.k))
    let name = "\(shape.m)x\(shape.n)x\(shape.k)"
    let work = KernelWork.operations(shape.operationCount, precision)
    let backend = backend
    return [
      KernelCase(Self.productName + " forward", name, work) {
        backend.multiply(Matrix(x), Matrix(weight).transposed, into: Matrix(output), scale: 1, accumulate: false)
      },
      KernelCase(Self.productName + " input gradient", name, work) {
        backend.multiply(Matrix(y), Matrix(weight), into: Matrix(inputGradient), scale: 1, accumulate: false)
      },
      KernelCase(Self.productName + " weight gradient", name, work) {
        backend.multiply(Matrix(y).transposed, Matrix(x), into: Matrix(weightGradient), scale: 1, accumulate: true)
      },
    ]
  }

  /// Both passes over a pattern. A backward pass counts twice a forward one, though it computes the scores again.
  func attention(_ pattern: String, _ shape: AttentionShape) -> [KernelCase] {
    let tables = tables(shape)
    let (packed, packedGradient) = (
      filled(shape.rowCount, shape.packedWidth), filled(shape.rowCount, shape.packedWidth)
    )
    let (output, outputGradient) = (
      filled(shape.queryRows.count, shape.queryWidth), filled(shape.queryRows.count, shape.queryWidth)
    )
    let logSumExp = filled(shape.queryRows.count, shape.headCount)
    let scoreCount = shape.sequenceCount * shape.pattern.scoreCount(dropsFirstQueries: shape.dropsFirstQueries)
    let operations = 4 * Double(scoreCount) * Double(shape.queryWidth)
    let name = "\(shape.sequenceCount) of \(shape.pattern.rowCount) rows, \(shape.headCount) x \(shape.headWidth)"
    let backend = backend
    return [
      KernelCase("attention \(pattern) forward", name, .operations(operations, .float32)) {
        backend.attention(packed, shape: shape, tables: tables, output: output, logSumExp: logSumExp)
      },
      KernelCase("attention \(pattern) backward", name, .operations(2 * operations, .float32)) {
        backend.attentionBackward(
          packed, shape: shape, tables: tables, output: output, logSumExp: logSumExp, outputGradient: outputGradient,
          packedGradient: packedGradient, queryNormGradient: nil, keyNormGradient: nil)
      },
    ]
  }

  /// A new token of each sequence of a dense model: its keys and values are read once.
  func cachedAttention() -> [KernelCase] {
    let (B, T) = (sizes.sampleCount, sizes.length)
    let heads = sizes.decoder.heads
    let cache = KeyValueCache(
      sequenceCount: B, slotCount: T, keyValueWidth: heads.keyValueWidth, backend: backend)
    backend.fill(cache.rows, with: 1e-3)
    let newest = (0..<B).flatMap { CachedRow.tokens(T - 1..<T, of: $0, slotCount: T) }
    let rows = CachedRows(Tape(backend: backend, isRecording: false).upload(newest), in: cache)
    let (packed, output) = (filled(B, heads.packedWidth), filled(B, heads.queryWidth))
    let tables = tables(sizes.causal)
    let backend = backend
    return [
      KernelCase("append to cache", "\(B) rows", bytes(2, of: 2 * B * heads.keyValueWidth)) {
        backend.appendToCache(packed, heads: heads, rows: rows, tables: tables)
      },
      KernelCase("attention cached", "\(B) x \(T) slots", bytes(1, of: cache.rows.count)) {
        backend.cachedAttention(packed, heads: heads, rows: rows, queries: nil, tables: tables, output: output)
      },
    ]
  }

  private func tables(_ shape: AttentionShape) -> AttentionTables {
    let rotary = RotaryTable(
      positionCount: shape.pattern.positionCount, headWidth: shape.headWidth, base: 10_000, backend: backend)
    return AttentionTables(
      cosines: rotary.cosines, sines: rotary.sines, queryNorm: nil, keyNorm: nil, normEpsilon: 1e-5)
  }
}
