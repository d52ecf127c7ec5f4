/// What a head found: sums over rows, so that parts of a batch add up.
package struct HeadResult {
  /// `[2]` of float64, in the backend's memory: sum of the rows' cross-entropies, in nats, and the number of rows whose
  /// largest logit is the target, which is counted only if asked for.
  package let totals: Tensor
  package let rowCount: Int

  /// The first of ``totals``; waits for it.
  package var lossSum: Double { totals.doubles[0] }
  /// The second of ``totals``; waits for it.
  package var correctCount: Int { Int(totals.doubles[1]) }
}

extension Tape {
  /// Logits that one block holds where a backend does not say otherwise: the head never has more in memory.
  package static let headBlockElements = 8 << 20

  /// Output projection, softmax and cross-entropy in row blocks, never holding `[R, V]`.
  ///
  /// While recording, gradients are made in the same pass, block by block, scaled by `gradientScale`; the head is the
  /// root of the backward pass.
  ///
  /// - Parameters:
  ///   - hidden: `[R, D]`, rows that have a target.
  ///   - weight: `[V, D]`, a parameter.
  ///   - targets: `[R]`, ids in `0 ..< V`.
  package func headLoss(
    _ hidden: Tensor, weight: Tensor, targets: Tensor, gradientScale: Float, countsCorrect: Bool = false
  ) -> HeadResult {
    precondition(hidden.rowCount == targets.count, "head: \(hidden.shape) for \(targets.count) targets")
    precondition(hidden.rowWidth == weight.rowWidth, "head: \(hidden.shape) against weight \(weight.shape)")
    let totals = buffer([2], of: .float64)
    backend.fill(totals, with: 0)
    let destination = isRecording ? destination(for: hidden) : nil
    precondition(destination?.accumulates != true, "head: two heads on one hidden state")
    let hiddenGradient = destination?.gradient
    let blockRows = max(1, min(targets.count, backend.headBlockElements / weight.rowCount))
    let logits = buffer([blockRows, weight.rowCount])
    for start in stride(from: 0, to: targets.count, by: blockRows) {
      let rows = start..<min(start + blockRows, targets.count)
      let block = HeadBlock(
        hidden: hidden.rows(rows), hiddenGradient: hiddenGradient?.rows(rows), weight: weight,
        logits: logits.rows(0..<rows.count), targets: targets.rows(rows))
      run(block, gradientScale: gradientScale, countsCorrect: countsCorrect, into: totals)
      onProgress()
    }
    onOp?(#function, weight.isParameter ? [weight.offset..<weight.offset + weight.count] : [], false)
    return HeadResult(totals: totals, rowCount: targets.count)
  }

  /// Cross-entropy of each row, in nats, and the column of its largest logit, in row blocks as ``headLoss`` has them. It
  /// has no gradient.
  ///
  /// - Parameters:
  ///   - hidden: `[R, D]`, rows that have a target.
  ///   - weight: `[V, D]`.
  ///   - targets: `[R]`, ids in `0 ..< V`.
  /// - Returns: losses `[R]`, and columns `[R]` of ``DType/int32``, −1 where a logit is not finite.
  package func headScores(_ hidden: Tensor, weight: Tensor, targets: Tensor) -> (losses: Tensor, best: Tensor) {
    precondition(hidden.rowCount == targets.count, "scores: \(hidden.shape) for \(targets.count) targets")
    let losses = buffer([targets.count])
    let best = buffer([targets.count], of: .int32)
    let blockRows = max(1, min(targets.count, Self.headBlockElements / weight.rowCount))
    let logits = buffer([blockRows, weight.rowCount])
    for start in stride(from: 0, to: targets.count, by: blockRows) {
      let rows = start..<min(start + blockRows, targets.count)
      let block = logits.rows(0..<rows.count)
      backend.multiply(
        Matrix(hidden.rows(rows)), Matrix(weight).transposed, into: Matrix(block), scale: 1, accumulate: false)
      backend.argmax(of: block, into: best.rows(rows))
      backend.crossEntropy(block, targets: targets.rows(rows), losses: losses.rows(rows), gradientScale: nil)
    }
    return (losses, best)
  }

  /// Column of the largest element of each row of `x` `[R, V]`, the first of equals; −1 for a row that holds something that
  /// is not finite. It has no gradient.
  ///
  /// - Returns: `[R]`, of ``DType/int32``.
  package func argmax(_ x: Tensor) -> Tensor {
    let columns = buffer([x.rowCount], of: .int32)
    backend.argmax(of: x, into: columns)
    return columns
  }

  private struct HeadBlock {
    let hidden: Tensor
    let hiddenGradient: Tensor?
    let weight: Tensor
    let logits: Tensor
    let targets: Tensor
  }

  private func run(_ block: HeadBlock, gradientScale: Float, countsCorrect: Bool, into totals: Tensor) {
    backend.multiply(
      Matrix(block.hidden), Matrix(block.weight).transposed, into: Matrix(block.logits), scale: 1, accumulate: false)
    if countsCorrect {
      backend.accumulateMatches(of: argmax(block.logits), with: block.targets, into: totals.rows(1..<2))
    }
    let losses = buffer([block.targets.count])
    backend.crossEntropy(
      block.logits, targets: block.targets, losses: losses, gradientScale: isRecording ? gradientScale : nil)
    backend.accumulateSum(of: losses, into: totals.rows(0..<1))
    guard isRecording else { return }
    if let hiddenGradient = block.hiddenGradient {
      backend.multiply(
        Matrix(block.logits), Matrix(block.weight), into: Matrix(hiddenGradient), scale: 1, accumulate: false)
    }
    if let weightGradient = block.weight.parameterGradient {
      backend.multiply(
        Matrix(block.logits).transposed, Matrix(block.hidden), into: Matrix(weightGradient), scale: 1,
        accumulate: true)
    }
  }
}
