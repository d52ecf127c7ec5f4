package import TensorCore

/// AdamW with decoupled weight decay over a model's flat buffers.
///
/// - Source: arXiv:1711.05101; arithmetic as in `torch.optim.AdamW`.
package final class AdamW {
  package let config: OptimizerConfig
  /// Flat moments, laid out like the weights.
  package let firstMoments: Tensor
  package let secondMoments: Tensor
  /// Updates made so far; the bias corrections hang on it.
  package var updateCount = 0

  private let parameters: ParameterStore
  private let backend: any Backend
  private let runs: [(range: Range<Int>, decays: Bool)]

  package init(_ config: OptimizerConfig, parameters: ParameterStore, backend: any Backend) {
    self.config = config
    self.parameters = parameters
    self.backend = backend
    let byteCount = parameters.count * DType.float32.byteCount
    firstMoments = Tensor(storage: backend.pool.storage(byteCount: byteCount), shape: [parameters.count])
    secondMoments = Tensor(storage: backend.pool.storage(byteCount: byteCount), shape: [parameters.count])
    backend.fill(firstMoments, with: 0)
    backend.fill(secondMoments, with: 0)
    runs = Self.runs(parameters, target: config.decayTarget)
  }

  /// Neighbouring parameters that are treated alike, as one range of the flat buffers.
  private static func runs(
    _ parameters: ParameterStore, target: OptimizerConfig.DecayTarget
  ) -> [(range: Range<Int>, decays: Bool)] {
    var runs: [(range: Range<Int>, decays: Bool)] = []
    for (spec, range) in zip(parameters.specs, parameters.ranges) {
      let decays = target == .all || spec.shape.count == 2
      if let last = runs.last, last.decays == decays {
        runs[runs.count - 1].range = last.range.lowerBound..<range.upperBound
      } else {
        runs.append((range, decays))
      }
    }
    return runs
  }

  /// Root of the sum of all squared gradients.
  package func gradientNorm() -> Double {
    guard let gradients = parameters.gradients else { preconditionFailure("optimizer: parameters without gradients") }
    return backend.sumOfSquares(gradients).squareRoot()
  }

  /// Clips by the global norm, updates all weights, and leaves the gradients as they are.
  ///
  /// - Parameters:
  ///   - rate: this step's learning rate.
  ///   - gradientNorm: norm of the gradients as they stand.
  package func step(rate: Double, gradientNorm: Double) {
    guard let gradients = parameters.gradients else { preconditionFailure("optimizer: parameters without gradients") }
    updateCount += 1
    let scale = config.clipNorm > 0 ? min(1, config.clipNorm / (gradientNorm + 1e-6)) : 1
    for run in runs {
      let update = AdamWStep(
        rate: Float(rate), beta1: Float(config.beta1), beta2: Float(config.beta2), epsilon: Float(config.epsilon),
        decay: run.decays ? Float(config.weightDecay) : 0, correction1: correction(config.beta1),
        correction2: correction(config.beta2), gradientScale: Float(scale))
      backend.adamW(
        update, weights: parameters.weights.rows(run.range), gradients: gradients.rows(run.range),
        firstMoments: firstMoments.rows(run.range), secondMoments: secondMoments.rows(run.range))
    }
  }

  private func correction(_ beta: Double) -> Float {
    var power = 1.0
    var base = beta
    var exponent = updateCount
    while exponent > 0 {
      if exponent & 1 == 1 { power *= base }
      base *= base
      exponent >>= 1
    }
    return Float(1 - power)
  }
}
