internal import CKernels
package import TensorCore

extension CPUBackend {
  package func adamW(
    _ step: AdamWStep, weights: Tensor, gradients: Tensor, firstMoments: Tensor, secondMoments: Tensor
  ) {
    let count = weights.count
    precondition(
      gradients.count == count && firstMoments.count == count && secondMoments.count == count,
      "AdamW: \(count) weights, \(gradients.count) gradients, moments \(firstMoments.count), \(secondMoments.count)")
    let constants = step.loopConstants
    forEachBlock(of: count, by: Self.blockElements / 4) { _, range in
      withUnsafePointer(to: constants) { constants in
        let start = range.lowerBound
        kernels.adamw(
          constants, weights.address + start, gradients.address + start, firstMoments.address + start,
          secondMoments.address + start, range.count)
      }
    }
  }
}

extension AdamWStep {
  /// Derived in double precision, as differences from one lose digits.
  fileprivate var loopConstants: ck_adamw_step {
    ck_adamw_step(
      gradientScale: gradientScale,
      keep: Float(1 - Double(rate) * Double(decay)),
      blend1: Float(1 - Double(beta1)),
      beta2: beta2,
      blend2: Float(1 - Double(beta2)),
      stepSize: Float(Double(rate) / Double(correction1)),
      rootScale: Float(1 / Double(correction2).squareRoot()),
      epsilon: epsilon)
  }
}
