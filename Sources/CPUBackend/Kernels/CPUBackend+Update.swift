internal import CKernels
package import TensorCore

extension CPUBackend {
  package func decideUpdate(_ decision: UpdateDecision, sums: Tensor, control: Tensor) {
    precondition(
      sums.count == 2 && control.count == UpdateControl.count, "update: sums \(sums.shape), control \(control.shape)")
    workers.run(taskCount: 1) { _ in
      let before = unsafe Int(control.doubleAddress[UpdateControl.updateCountIndex])
      let (lossSum, squares) = unsafe (sums.doubleAddress[0], sums.doubleAddress[1])
      let decided = decision.control(lossSum: lossSum, sumOfSquares: squares, updateCount: before)
      for (index, value) in decided.values.enumerated() { unsafe control.doubleAddress[index] = value }
    }
  }

  package func adamW(
    _ step: AdamWStep, control: Tensor, weights: Tensor, gradients: Tensor, firstMoments: Tensor,
    secondMoments: Tensor
  ) {
    let count = weights.count
    precondition(
      gradients.count == count && firstMoments.count == count && secondMoments.count == count,
      "AdamW: \(count) weights, \(gradients.count) gradients, moments \(firstMoments.count), \(secondMoments.count)")
    guard workers.runsTasks else { return }
    let control = UpdateControl((0..<control.count).map { unsafe control.doubleAddress[$0] })
    guard control.isUpdated else { return }
    let constants = step.loopConstants(control)
    forEachBlock(of: count, by: Self.blockElements / 4) { _, range in
      unsafe withUnsafePointer(to: constants) { constants in
        let start = range.lowerBound
        unsafe kernels.adamw(
          constants, weights.address + start, gradients.address + start, firstMoments.address + start,
          secondMoments.address + start, range.count)
      }
    }
  }
}

extension UpdateDecision {
  /// - Parameter updateCount: updates before this one.
  fileprivate func control(lossSum: Double, sumOfSquares: Double, updateCount: Int) -> UpdateControl {
    let loss = lossSum / Double(max(1, targetCount))
    let norm = sumOfSquares.squareRoot()
    let isFinite = loss.isFinite && norm.isFinite
    let isSpike = isFinite && loss > lossThreshold
    let count = updateCount + (isFinite && !isSpike ? 1 : 0)
    return UpdateControl(
      loss: loss, gradientNorm: norm, gradientScale: clipNorm > 0 ? min(1, clipNorm / (norm + 1e-6)) : 1,
      correction1: 1 - power(beta1, count), correction2: 1 - power(beta2, count), isUpdated: isFinite && !isSpike,
      isSpike: isSpike, updateCount: count)
  }

  /// By squaring, so that the bits are the same everywhere.
  private func power(_ base: Double, _ exponent: Int) -> Double {
    var (power, base, exponent) = (1.0, base, exponent)
    while exponent > 0 {
      if exponent & 1 == 1 { power *= base }
      base *= base
      exponent >>= 1
    }
    return power
  }
}

extension AdamWStep {
  /// Derived in double precision, as differences from one lose digits.
  fileprivate func loopConstants(_ control: UpdateControl) -> ck_adamw_step {
    let (correction1, correction2) = (Double(Float(control.correction1)), Double(Float(control.correction2)))
    return ck_adamw_step(
      gradientScale: Float(control.gradientScale),
      keep: Float(1 - Double(rate) * Double(decay)),
      blend1: Float(1 - Double(beta1)),
      beta2: beta2,
      blend2: Float(1 - Double(beta2)),
      stepSize: Float(Double(rate) / correction1),
      rootScale: Float(1 / correction2.squareRoot()),
      epsilon: epsilon)
  }
}
