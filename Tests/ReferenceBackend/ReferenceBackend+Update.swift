internal import Foundation
package import TensorCore

extension ReferenceBackend {
  package func decideUpdate(_ decision: UpdateDecision, sums: Tensor, control: Tensor) {
    let loss = sums[0] / Double(max(1, decision.targetCount))
    let norm = sums[1].squareRoot()
    let isFinite = loss.isFinite && norm.isFinite
    let isSpike = isFinite && loss > decision.lossThreshold
    let isUpdated = isFinite && !isSpike
    let count = control[UpdateControl.updateCountIndex] + (isUpdated ? 1 : 0)
    let isClipped = decision.clipNorm > 0 && norm + 1e-6 > decision.clipNorm
    let decided = UpdateControl(
      loss: loss, gradientNorm: norm, gradientScale: isClipped ? decision.clipNorm / (norm + 1e-6) : 1,
      correction1: 1 - pow(decision.beta1, count), correction2: 1 - pow(decision.beta2, count), isUpdated: isUpdated,
      isSpike: isSpike, updateCount: Int(count))
    for (index, value) in decided.values.enumerated() { control[index] = value }
  }

  package func adamW(
    _ step: AdamWStep, control: Tensor, weights: Tensor, gradients: Tensor, firstMoments: Tensor,
    secondMoments: Tensor
  ) {
    let control = UpdateControl((0..<control.count).map { control[$0] })
    guard control.isUpdated else { return }
    let rate = Double(step.rate)
    let beta1 = Double(step.beta1)
    let beta2 = Double(step.beta2)
    for i in 0..<weights.count {
      let gradient = control.gradientScale * gradients[i]
      let decayed = weights[i] - rate * Double(step.decay) * weights[i]
      let first = firstMoments[i] + (1 - beta1) * (gradient - firstMoments[i])
      let second = beta2 * secondMoments[i] + (1 - beta2) * gradient * gradient
      let root = second.squareRoot() / control.correction2.squareRoot()
      weights[i] = decayed - rate / control.correction1 * first / (root + Double(step.epsilon))
      firstMoments[i] = first
      secondMoments[i] = second
    }
  }
}
