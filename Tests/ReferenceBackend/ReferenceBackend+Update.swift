package import TensorCore

extension ReferenceBackend {
  package func adamW(
    _ step: AdamWStep, weights: Tensor, gradients: Tensor, firstMoments: Tensor, secondMoments: Tensor
  ) {
    let rate = Double(step.rate)
    let beta1 = Double(step.beta1)
    let beta2 = Double(step.beta2)
    for i in 0..<weights.count {
      let gradient = Double(step.gradientScale) * gradients[i]
      let decayed = weights[i] - rate * Double(step.decay) * weights[i]
      let first = firstMoments[i] + (1 - beta1) * (gradient - firstMoments[i])
      let second = beta2 * secondMoments[i] + (1 - beta2) * gradient * gradient
      let root = second.squareRoot() / Double(step.correction2).squareRoot()
      weights[i] = decayed - rate / Double(step.correction1) * first / (root + Double(step.epsilon))
      firstMoments[i] = first
      secondMoments[i] = second
    }
  }
}
