/// What the host knows when a step is to decide about its update.
package struct UpdateDecision: Hashable, Sendable {
  /// Targets of all ranks; the loss is the summed loss over their number, or over 1 if there are none.
  package var targetCount: Int
  /// Largest norm of all gradients; larger ones are scaled down to it. 0: no clipping.
  package var clipNorm: Double
  /// A finite loss above it stands out, and skips the update.
  package var lossThreshold: Double
  package var beta1: Double
  package var beta2: Double

  package init(targetCount: Int, clipNorm: Double, lossThreshold: Double, beta1: Double, beta2: Double) {
    self.targetCount = targetCount
    self.clipNorm = clipNorm
    self.lossThreshold = lossThreshold
    self.beta1 = beta1
    self.beta2 = beta2
  }
}

/// What ``Backend/decideUpdate(_:sums:control:)`` came to. In a backend's memory it is ``values``: `[8]` of float64.
package struct UpdateControl: Hashable, Sendable {
  /// Number of values.
  package static let count = 8
  /// Which of the values is the count of updates.
  package static let updateCountIndex = 7

  /// Mean loss over all targets.
  package var loss: Double
  /// Root of the sum of all squared gradients.
  package var gradientNorm: Double
  /// Multiplies every gradient first: `clipNorm / (gradientNorm + 1e-6)`, at most 1.
  package var gradientScale: Double
  /// `1 - β₁ᵗ`, where t counts this update if it is one.
  package var correction1: Double
  /// `1 - β₂ᵗ`.
  package var correction2: Double
  /// Whether the update is made: loss and norm are finite, and the loss does not stand out.
  package var isUpdated: Bool
  /// Whether the loss stands out, loss and norm being finite.
  package var isSpike: Bool
  /// Updates so far, this one included.
  package var updateCount: Int

  package init(
    loss: Double = 0, gradientNorm: Double = 0, gradientScale: Double, correction1: Double, correction2: Double,
    isUpdated: Bool = true, isSpike: Bool = false, updateCount: Int = 1
  ) {
    self.loss = loss
    self.gradientNorm = gradientNorm
    self.gradientScale = gradientScale
    self.correction1 = correction1
    self.correction2 = correction2
    self.isUpdated = isUpdated
    self.isSpike = isSpike
    self.updateCount = updateCount
  }

  package init(_ values: [Double]) {
    precondition(values.count == Self.count, "update control: \(values.count) values, not \(Self.count)")
    self.init(
      loss: values[0], gradientNorm: values[1], gradientScale: values[2], correction1: values[3],
      correction2: values[4], isUpdated: values[5] != 0, isSpike: values[6] != 0,
      updateCount: Int(values[Self.updateCountIndex]))
  }

  package var values: [Double] {
    [
      loss, gradientNorm, gradientScale, correction1, correction2, isUpdated ? 1 : 0, isSpike ? 1 : 0,
      Double(updateCount),
    ]
  }
}

/// The numbers of one AdamW update that the host knows:
/// `g = gradientScale · gradient; w -= rate·decay·w; m += (1-β₁)(g-m); v = β₂v + (1-β₂)g²;
/// w -= rate / c₁ · m / (√v / √c₂ + ε)` with `c = 1 - βᵗ`; scale and corrections are in an ``UpdateControl``.
///
/// - Source: `torch.optim.AdamW`.
package struct AdamWStep: Hashable, Sendable {
  package var rate: Float
  package var beta1: Float
  package var beta2: Float
  package var epsilon: Float
  package var decay: Float

  package init(rate: Float, beta1: Float, beta2: Float, epsilon: Float, decay: Float) {
    self.rate = rate
    self.beta1 = beta1
    self.beta2 = beta2
    self.epsilon = epsilon
    self.decay = decay
  }
}
