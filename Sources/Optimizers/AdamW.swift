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

  private let parameters: ParameterStore
  private let gradients: Tensor
  private let backend: any Backend
  private let runs: [Run]
  /// `[2]` of float64: summed loss, sum of squared gradients.
  private let sums: Tensor
  /// An ``UpdateControl``.
  private let control: Tensor

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
    guard let gradients = parameters.gradients else { preconditionFailure("optimizer: parameters without gradients") }
    self.config = config
    self.parameters = parameters
    self.gradients = gradients
    self.backend = backend
    self.owned = owned ?? [0..<parameters.count]
    let ownedCount = self.owned.reduce(0) { $0 + $1.count }
    let moments = (0..<2).map { _ in
      Tensor(storage: backend.pool.storage(byteCount: ownedCount * DType.float32.byteCount), shape: [ownedCount])
    }
    for moment in moments { backend.fill(moment, with: 0) }
    (firstMoments, secondMoments) = (moments[0], moments[1])
    sums = Tensor(doubles: [0, 0], pool: backend.pool)
    control = Tensor(doubles: [Double](repeating: 0, count: UpdateControl.count), pool: backend.pool)
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

  /// Updates made so far, of which the bias corrections are made. To read it waits.
  package var updateCount: Int {
    get { UpdateControl(control.doubles).updateCount }
    set {
      let index = UpdateControl.updateCountIndex
      control.rows(index..<index + 1).assign(doubles: [Double(newValue)])
    }
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

  // MARK: A step

  /// `[1]` of float64: what a step's losses are added to, and then those of other ranks.
  package var lossSum: Tensor { sums.rows(0..<1) }
  /// `[1]` of float64: the sum of the squared gradients that ``addSquares()`` made, to which others' are added where they
  /// own a part.
  package var sumOfSquares: Tensor { sums.rows(1..<2) }

  /// Forgets the sums of the step before.
  package func beginStep() {
    backend.fill(sums, with: 0)
  }

  /// Adds the squared gradients of the owned weights to ``sumOfSquares``.
  package func addSquares() {
    for range in owned { backend.accumulateSumOfSquares(of: gradients.rows(range), into: sumOfSquares) }
  }

  /// Clips by the global norm and updates the owned weights, unless the sums say that there is to be no update. Leaves the
  /// gradients as they are. Nothing is waited for.
  ///
  /// - Parameters:
  ///   - rate: this step's learning rate.
  ///   - targetCount: targets whose losses were added to ``lossSum``.
  ///   - lossThreshold: a mean loss above it skips the update.
  /// - Returns: what was decided, to be waited for.
  @discardableResult
  package func update(
    rate: Double, targetCount: Int = 0, lossThreshold: Double = .infinity
  ) -> PendingControl {
    let decision = UpdateDecision(
      targetCount: targetCount, clipNorm: config.clipNorm, lossThreshold: lossThreshold, beta1: config.beta1,
      beta2: config.beta2)
    backend.decideUpdate(decision, sums: sums, control: control)
    for run in runs {
      let update = AdamWStep(
        rate: Float(rate), beta1: Float(config.beta1), beta2: Float(config.beta2), epsilon: Float(config.epsilon),
        decay: run.decays ? Float(config.weightDecay) : 0)
      backend.adamW(
        update, control: control, weights: parameters.weights.rows(run.weights), gradients: gradients.rows(run.weights),
        firstMoments: firstMoments.rows(run.moments), secondMoments: secondMoments.rows(run.moments))
    }
    return PendingControl(values: control.startReading())
  }

  /// A whole step, where all gradients are owned and no loss is looked at.
  @discardableResult
  package func step(rate: Double) -> PendingControl {
    beginStep()
    addSquares()
    return update(rate: rate)
  }
}

/// What an update has decided, on its way to the host.
package struct PendingControl {
  fileprivate let values: PendingDoubles

  /// Waits until it is there.
  package func wait() -> UpdateControl { UpdateControl(values.wait()) }
}
