/// What a backend must do: the kernels that the ops of this module are made of.
///
/// Shapes are checked by the ops; a backend may take them as right. Outputs are overwritten unless a method says that
/// it accumulates. Sizes may be zero. Results do not depend on how work is spread over threads by chance: the same
/// call with the same number of threads gives the same bits.
package protocol Backend: AnyObject {
  /// Where all tensors of this backend live.
  var pool: StoragePool { get }
  /// Indices that kernels read again and again.
  var constants: ConstantCache { get }
  /// Threads that share a kernel's work.
  var threadCount: Int { get }
  /// What the operands of its products are rounded to.
  var precision: ProductPrecision { get }

  // Where a kernel says "perhaps rounded", a tensor may be of the type that ``TapeTypes`` has for it. A backend need not
  // know all mixtures: it refuses those that it does not.

  // MARK: Products

  /// `c = scale · a · b`, added to what `c` holds if `accumulate`. `a` and `b` may be transposed views, `c` not. Each is
  /// perhaps rounded, `c` only where nothing is accumulated.
  func multiply(_ a: Matrix, _ b: Matrix, into c: Matrix, scale: Float, accumulate: Bool)

  // MARK: Elements

  func fill(_ x: Tensor, with value: Float)
  /// `y += x`.
  func add(_ x: Tensor, to y: Tensor)
  /// `x *= factor`.
  func scale(_ x: Tensor, by factor: Float)
  /// Adds `bias` `[columns]` to each row of `y`.
  func addBias(_ bias: Tensor, to y: Matrix)
  /// Adds the column sums of `x` to `sums` `[columns]`.
  func accumulateColumnSums(of x: Matrix, into sums: Tensor)
  /// Sum of all elements, in double precision.
  func sum(_ x: Tensor) -> Double
  /// Sum of the squares of all elements, in double precision; the same bits for any number of threads.
  func sumOfSquares(_ x: Tensor) -> Double

  // MARK: Rows

  // Lists of rows are of ``DType/int32``; nil stands for `0 ..< count`.

  /// `destination[destinationRows[i]] = source[sourceRows[i]]` for every `i`, of any type; destination rows are distinct.
  func copyRows(
    of source: Tensor, _ sourceRows: Tensor?, to destination: Tensor, _ destinationRows: Tensor?, count: Int)
  /// `destination[destinationRows[i]] += source[sourceRows[i]]`, in the order of `i` for equal destination rows.
  ///
  /// - Parameter frozenRow: a destination row that stays as it is.
  func addRows(
    of source: Tensor, _ sourceRows: Tensor?, to destination: Tensor, _ destinationRows: Tensor?, count: Int,
    skipping frozenRow: Int32?)

  // MARK: Norm

  /// Root-mean-square norm of `x (+ delta)`.
  ///
  /// - Parameters:
  ///   - x: `[R, D]`.
  ///   - delta: `[R, D]`, added to `x` first; the sum is written to `sum` (present exactly when `delta` is).
  ///   - weight: `[D]`.
  ///   - output: `[R, D]`, perhaps rounded.
  ///   - inverse: `[R]`, one over the root of mean square plus epsilon; the backward pass reads it.
  func rmsNorm(
    _ x: Tensor, plus delta: Tensor?, weight: Tensor, epsilon: Float, sum: Tensor?, output: Tensor, inverse: Tensor)

  /// Gradient of ``rmsNorm`` with respect to its (summed) input.
  ///
  /// - Parameters:
  ///   - x: the normed input, that is the sum where there was a delta.
  ///   - outputGradient: `[R, D]`, perhaps rounded.
  ///   - sumGradient: gradient that reached the sum by other ways, added to the result; may be the same memory as `inputGradient`.
  ///   - inputGradient: `[R, D]`, overwritten.
  ///   - weightGradient: `[D]`, accumulated; nil if not wanted.
  func rmsNormBackward(
    _ x: Tensor, weight: Tensor, inverse: Tensor, outputGradient: Tensor, sumGradient: Tensor?, inputGradient: Tensor,
    weightGradient: Tensor?)

  // MARK: SwiGLU

  /// `output[r, i] = silu(gateUp[r, i]) · gateUp[r, I + i]`; `gateUp` `[R, 2I]`, `output` `[R, I]`, of one type,
  /// perhaps rounded; so for the gradients.
  func swiGLU(_ gateUp: Tensor, output: Tensor)
  /// Gradient with respect to `gateUp`; `gateUpGradient` may be the same memory as `gateUp`.
  ///
  /// - Parameter output: receives what ``swiGLU(_:output:)`` gave, to the bit; may be the same memory as
  ///   `outputGradient`.
  func swiGLUBackward(_ gateUp: Tensor, outputGradient: Tensor, gateUpGradient: Tensor, output: Tensor?)

  // MARK: Attention

  /// Head norms, rotary embedding, scaled dot products over a pattern, softmax and values, in one op.
  ///
  /// - Parameters:
  ///   - packed: `[rows, q | k | v]` as projected, neither normed nor rotated; perhaps rounded.
  ///   - output: `[queryRows.count, H·headWidth]`, of the same type; so for the gradients.
  ///   - logSumExp: `[queryRows.count, H]`, log of the sum of exponentials of the scaled scores; the backward pass reads it.
  func attention(
    _ packed: Tensor, shape: AttentionShape, tables: AttentionTables, output: Tensor, logSumExp: Tensor)

  /// Gradient of ``attention`` with respect to `packed`; query columns of rows without queries are not touched.
  /// Norm gradients `[headWidth]` are accumulated.
  func attentionBackward(
    _ packed: Tensor, shape: AttentionShape, tables: AttentionTables, output: Tensor, logSumExp: Tensor,
    outputGradient: Tensor, packedGradient: Tensor, queryNormGradient: Tensor?, keyNormGradient: Tensor?)

  /// Puts keys, with head norms and rotary embedding, and values of rows into the slots of a cache.
  ///
  /// - Parameter packed: `[R, q | k | v]` as projected.
  func appendToCache(_ packed: Tensor, heads: AttentionHeads, rows: CachedRows, tables: AttentionTables)

  /// Head norms, rotary embedding and attention of rows to the slots of a cache that each of them sees.
  ///
  /// - Parameters:
  ///   - packed: `[R, q | k | v]` as projected.
  ///   - queries: `[Q]` of ``DType/int32``, the rows that attend; nil for all.
  ///   - output: `[Q, H·headWidth]`.
  func cachedAttention(
    _ packed: Tensor, heads: AttentionHeads, rows: CachedRows, queries: Tensor?, tables: AttentionTables,
    output: Tensor)

  // MARK: Loss

  /// Cross-entropy of each row of `logits` `[R, V]` against `targets` `[R]`, of ``DType/int32``, in nats, into `losses`
  /// `[R]`. A negative target has neither loss nor gradient.
  ///
  /// With `gradientScale`, `logits` becomes `(softmax − one-hot) · gradientScale`; without, its content is lost.
  func crossEntropy(_ logits: Tensor, targets: Tensor, losses: Tensor, gradientScale: Float?)
  /// Column of the largest element of each row of `x` `[R, V]`, the first of equals, into `columns` `[R]` of
  /// ``DType/int32``; −1 for a row that holds something that is not finite.
  func argmax(of x: Tensor, into columns: Tensor)

  // MARK: Resampling

  /// Linear interpolation of each row of `x` `[D, N]` to the width of `y` `[D, n]`, half-pixel centres.
  ///
  /// - Source: `interpolate(mode: "bilinear", align_corners: false)` along one axis.
  func resampleColumns(of x: Tensor, to y: Tensor)
  /// Adds the transpose of ``resampleColumns`` applied to `yGradient` `[D, n]` to `xGradient` `[D, N]`.
  func accumulateResampleGradient(_ yGradient: Tensor, into xGradient: Tensor)

  // MARK: Update

  /// One AdamW update with decoupled decay of equally long flat tensors.
  func adamW(_ step: AdamWStep, weights: Tensor, gradients: Tensor, firstMoments: Tensor, secondMoments: Tensor)
}

extension Backend {
  /// Most bytes that tensors have taken together, free stretches between them included.
  package var peakBytes: Int { pool.statistics.peakHeldBytes + constants.byteCount }

  /// Gradient with respect to `gateUp`; `gateUpGradient` may be the same memory as `gateUp`.
  package func swiGLUBackward(_ gateUp: Tensor, outputGradient: Tensor, gateUpGradient: Tensor) {
    swiGLUBackward(gateUp, outputGradient: outputGradient, gateUpGradient: gateUpGradient, output: nil)
  }
}

/// The numbers of one AdamW update:
/// `g = gradientScale · gradient; w -= rate·decay·w; m += (1-β₁)(g-m); v = β₂v + (1-β₂)g²;
/// w -= rate / c₁ · m / (√v / √c₂ + ε)` with `c = 1 - βᵗ`.
///
/// - Source: `torch.optim.AdamW`.
package struct AdamWStep: Hashable, Sendable {
  package var rate: Float
  package var beta1: Float
  package var beta2: Float
  package var epsilon: Float
  package var decay: Float
  /// `1 - β₁ᵗ`.
  package var correction1: Float
  /// `1 - β₂ᵗ`.
  package var correction2: Float
  /// Multiplies every gradient first: clipping.
  package var gradientScale: Float

  package init(
    rate: Float, beta1: Float, beta2: Float, epsilon: Float, decay: Float, correction1: Float, correction2: Float,
    gradientScale: Float
  ) {
    self.rate = rate
    self.beta1 = beta1
    self.beta2 = beta2
    self.epsilon = epsilon
    self.decay = decay
    self.correction1 = correction1
    self.correction2 = correction2
    self.gradientScale = gradientScale
  }
}
