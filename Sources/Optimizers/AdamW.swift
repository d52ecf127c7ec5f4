package import TensorCore

/// AdamW with decoupled weight decay over a model's flat buffers.
///
/// - Source: arXiv:1711.05101; arithmetic as in `torch.optim.AdamW`.
package final class AdamW {
  package enum Moment: Int, CaseIterable, Sendable {
    case first
    case second
  }

  package let config: OptimizerConfig
  /// The parts of the flat buffers that this updates, by address.
  package let owned: [Range<Int>]
  /// Moments of the owned weights, one part after the other.
  package let firstMoments: Tensor
  package let secondMoments: Tensor
  /// Updates made so far; the bias corrections hang on it.
  package var updateCount = 0

  private let parameters: ParameterStore
  private let backend: any Backend
  private let runs: [Run]

  /// Neighbouring owned weights that are treated alike.
  private struct Run {
    let weights: Range<Int>
    let moments: Range<Int>
    let decays: Bool
  }

  /// - Parameter owned: what to update where ranks share the work; nil for all weights. There are moments for it alone.
  package init(
    _ config: OptimizerConfig, parameters: ParameterStore, backend: any Backend, owned: [Range<Int>]? = nil
  ) {
    self.config = config
    self.parameters = parameters
    self.backend = backend
    self.owned = owned ?? [0..<parameters.count]
    let ownedCount = self.owned.reduce(0) { $0 + $1.count }
    let moments = (0..<2).map { _ in
      Tensor(storage: backend.pool.storage(byteCount: ownedCount * DType.float32.byteCount), shape: [ownedCount])
    }
    for moment in moments { backend.fill(moment, with: 0) }
    (firstMoments, secondMoments) = (moments[0], moments[1])
    runs = Self.runs(self.owned, of: parameters, target: config.decayTarget)
  }

  private static func runs(
    _ owned: [Range<Int>], of parameters: ParameterStore, target: OptimizerConfig.DecayTarget
  ) -> [Run] {
    var alike: [(range: Range<Int>, decays: Bool)] = []
    for (spec, range) in zip(parameters.specs, parameters.ranges) {
      let decays = target == .all || spec.shape.count == 2
      if let last = alike.last, last.decays == decays {
        alike[alike.count - 1].range = last.range.lowerBound..<range.upperBound
      } else {
        alike.append((range, decays))
      }
    }
    var runs: [Run] = []
    var momentStart = 0
    for part in owned {
      for (range, decays) in alike where range.overlaps(part) {
        let weights = range.clamped(to: part)
        runs.append(Run(weights: weights, moments: momentStart..<momentStart + weights.count, decays: decays))
        momentStart += weights.count
      }
    }
    return runs
  }

  /// A moment of weights that lie in one owned part.
  package func moment(_ moment: Moment, of weights: Range<Int>) -> Tensor {
    var start = 0
    for part in owned {
      if part.lowerBound <= weights.lowerBound, weights.upperBound <= part.upperBound {
        let first = start + weights.lowerBound - part.lowerBound
        return (moment == .first ? firstMoments : secondMoments).rows(first..<first + weights.count)
      }
      start += part.count
    }
    preconditionFailure("moment: weights \(weights) are not in one owned part")
  }

  /// Root of the sum of all squared gradients, where all are owned.
  package func gradientNorm() -> Double { sumOfSquares().squareRoot() }

  /// Sum of the squared gradients of the owned weights.
  package func sumOfSquares() -> Double {
    guard let gradients = parameters.gradients else { preconditionFailure("optimizer: parameters without gradients") }
    return owned.reduce(0) { $0 + backend.sumOfSquares(gradients.rows($1)) }
  }

  /// Clips by the global norm, updates the owned weights, and leaves the gradients as they are.
  ///
  /// - Parameters:
  ///   - rate: this step's learning rate.
  ///   - gradientNorm: norm of all gradients as they stand.
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
        update, weights: parameters.weights.rows(run.weights), gradients: gradients.rows(run.weights),
        firstMoments: firstMoments.rows(run.moments), secondMoments: secondMoments.rows(run.moments))
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
