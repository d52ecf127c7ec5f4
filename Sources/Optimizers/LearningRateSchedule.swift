internal import Foundation
package import JSON
package import Settings

/// The `schedule` section of a run file: each step's share of the peak learning rate, a function of the step alone.
package struct LearningRateSchedule: Hashable, Sendable {
  package enum Kind: String, CaseIterable, Hashable, Sendable {
    case constant
    case cosine
    case linear
    /// Warm-up, stable, then decay over the last steps.
    case wsd
  }

  package var kind = Kind.cosine
  /// Steps that rise linearly from zero; the last of them has the peak rate.
  package var warmupSteps = 0
  /// Where the decay ends: the final learning rate over the peak.
  package var finalRatio = 0.1
  /// Steps of the final decay; `wsd` alone.
  package var decaySteps = 0

  package init(kind: Kind = .cosine, warmupSteps: Int = 0, finalRatio: Double = 0.1, decaySteps: Int = 0) {
    self.kind = kind
    self.warmupSteps = warmupSteps
    self.finalRatio = finalRatio
    self.decaySteps = decaySteps
  }

  package init(_ reader: JSONReader) throws(JSONError) {
    try reader.read(Self.keys, into: &self)
    if kind == .wsd, decaySteps == 0 {
      throw reader.invalid("decay_steps", found: "0", allowed: "at least 1 with kind wsd")
    }
  }

  private static let keys: [Key<Self>] = [
    .choice(
      "kind", \.kind,
      "How the learning rate falls after the warm-up: not at all (constant), along a cosine, along a line (linear), "
        + "or along a line over the last decay_steps alone (wsd: warm-up, stable, decay)."),
    .integer(
      "warmup_steps", \.warmupSteps, in: 0...1_000_000_000,
      "Steps over which the learning rate rises from zero to its peak."),
    .number("final_ratio", \.finalRatio, in: 0...1, "Where the decay ends: the final learning rate over the peak.")
      .formerly("final_share"),
    .integer(
      "decay_steps", \.decaySteps, in: 0...1_000_000_000,
      "Steps of the final decay under kind wsd, which needs at least one; without effect under the others."),
  ]

  package static let declaration = SectionDeclaration(
    name: "schedule", sentence: "The learning rate over the run.", keys: keys.declarations(Self()))

  /// Share of the peak learning rate at `step` (from 0) of a run of `stepCount`.
  package func share(step: Int, of stepCount: Int) -> Double {
    if step < warmupSteps { return Double(step + 1) / Double(warmupSteps) }
    switch kind {
    case .constant:
      return 1
    case .cosine:
      let progress = decayed(step, from: warmupSteps, to: stepCount)
      return finalRatio + (1 - finalRatio) * 0.5 * (1 + cos(.pi * progress))
    case .linear:
      return 1 - (1 - finalRatio) * decayed(step, from: warmupSteps, to: stepCount)
    case .wsd:
      return 1 - (1 - finalRatio) * decayed(step, from: max(warmupSteps, stepCount - decaySteps), to: stepCount)
    }
  }

  /// How far `step` is from `start` to `end`, in 0...1.
  private func decayed(_ step: Int, from start: Int, to end: Int) -> Double {
    guard end > start else { return step >= end ? 1 : 0 }
    return min(1, max(0, Double(step - start) / Double(end - start)))
  }
}
