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
  /// Logits that a block of the head holds: as many as keep the backend busy.
  var headBlockElements: Int { get }

  // Where a kernel says "perhaps rounded", a tensor may be of the type that ``TapeTypes`` has for it. A backend need not
  // know all mixtures: it refuses those that it does not.

  // MARK: Products

  /// `c = scale · a · b`, added to what `c` holds if `accumulate`. `a` and `b` may be transposed views, `c` not. Each is
  /// perhaps rounded, `c` only where nothing is accumulated.
  func multiply(_ a: Matrix, _ b: Matrix, into c: Matrix, scale: Float, accumulate: Bool)

  // MARK: Elements

  /// Of float32 or float64.
  func fill(_ x: Tensor, with value: Float)
  /// `y += x`, both of float32 or both of float64.
  func add(_ x: Tensor, to y: Tensor)
  /// `x *= factor`.
  func scale(_ x: Tensor, by factor: Float)
  /// Adds `bias` `[columns]` to each row of `y`.
  func addBias(_ bias: Tensor, to y: Matrix)
  /// Adds the column sums of `x` to `sums` `[columns]`.
  func accumulateColumnSums(of x: Matrix, into sums: Tensor)
  /// Adds the sum of all elements, made in double precision, to `total` `[1]`, of float64; the same bits for any number of
  /// threads.
  func accumulateSum(of x: Tensor, into total: Tensor)
  /// Adds the sum of the squares of all elements, made in double precision, to `total` `[1]`, of float64; the same bits for
  /// any number of threads.
  func accumulateSumOfSquares(of x: Tensor, into total: Tensor)

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
  ///   - logSumExp: `[queryRows.count, H]`, log of the sum of exponentials of the scaled scores; the backward pass alone
  ///     reads it, so that a backend may have it in another order.
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
  /// Adds the number of places at which `x` and `y`, equally long and of ``DType/int32``, hold the same to `total` `[1]`, of
  /// float64.
  func accumulateMatches(of x: Tensor, with y: Tensor, into total: Tensor)

  // MARK: Resampling

  /// Linear interpolation of each row of `x` `[D, N]` to the width of `y` `[D, n]`, half-pixel centres.
  ///
  /// - Source: `interpolate(mode: "bilinear", align_corners: false)` along one axis.
  func resampleColumns(of x: Tensor, to y: Tensor)
  /// Adds the transpose of ``resampleColumns`` applied to `yGradient` `[D, n]` to `xGradient` `[D, N]`.
  func accumulateResampleGradient(_ yGradient: Tensor, into xGradient: Tensor)

  // MARK: Update

  /// Decides whether a step updates the weights, and with which factors.
  ///
  /// - Parameters:
  ///   - sums: `[2]` of float64: the summed loss of all targets, and the sum of all squared gradients.
  ///   - control: an ``UpdateControl``. Its count of updates is read; all of it is written.
  func decideUpdate(_ decision: UpdateDecision, sums: Tensor, control: Tensor)
  /// One AdamW update with decoupled decay of equally long flat tensors; nothing at all where `control`, an
  /// ``UpdateControl``, says that there is none.
  func adamW(
    _ step: AdamWStep, control: Tensor, weights: Tensor, gradients: Tensor, firstMoments: Tensor, secondMoments: Tensor)
}

extension Backend {
  package var headBlockElements: Int { Tape.headBlockElements }

  /// Most bytes that tensors have taken together, free stretches between them included.
  package var peakBytes: Int { pool.statistics.peakHeldBytes + constants.byteCount }

  /// Gradient with respect to `gateUp`; `gateUpGradient` may be the same memory as `gateUp`.
  package func swiGLUBackward(_ gateUp: Tensor, outputGradient: Tensor, gateUpGradient: Tensor) {
    swiGLUBackward(gateUp, outputGradient: outputGradient, gateUpGradient: gateUpGradient, output: nil)
  }

  /// Sum of all elements, in double precision; waits for it.
  package func sum(_ x: Tensor) -> Double {
    let total = Tensor(doubles: [0], pool: pool)
    accumulateSum(of: x, into: total)
    return total.doubles[0]
  }

  /// Sum of the squares of all elements, in double precision; waits for it.
  package func sumOfSquares(_ x: Tensor) -> Double {
    let total = Tensor(doubles: [0], pool: pool)
    accumulateSumOfSquares(of: x, into: total)
    return total.doubles[0]
  }
}
