internal import Foundation
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

  package var kind: Kind
  /// Steps that rise linearly from zero; the last of them has the peak rate.
  package var warmupSteps: Int
  /// Where the decay ends, as a share of the peak.
  package var finalShare: Double
  /// Steps of the final decay; `wsd` alone.
  package var decaySteps: Int

  package init(kind: Kind, warmupSteps: Int = 0, finalShare: Double = 0.1, decaySteps: Int = 0) {
    self.kind = kind
    self.warmupSteps = warmupSteps
    self.finalShare = finalShare
    self.decaySteps = decaySteps
  }

  package init(_ reader: SettingsReader) throws(SettingsError) {
    kind = try reader.choice("kind", default: .cosine)
    warmupSteps = try reader.integer("warmup_steps", default: 0, in: 0...1_000_000_000)
    finalShare = try reader.number("final_share", default: 0.1, in: 0...1)
    decaySteps = try reader.integer("decay_steps", default: 0, in: 0...1_000_000_000)
    if kind == .wsd, decaySteps == 0 {
      throw .invalid(key: reader.path + ".decay_steps", found: "0", allowed: "at least 1 with kind wsd")
    }
  }

  /// Share of the peak learning rate at `step` (from 0) of a run of `stepCount`.
  package func share(step: Int, of stepCount: Int) -> Double {
    if step < warmupSteps { return Double(step + 1) / Double(warmupSteps) }
    switch kind {
    case .constant:
      return 1
    case .cosine:
      let progress = decayed(step, from: warmupSteps, to: stepCount)
      return finalShare + (1 - finalShare) * 0.5 * (1 + cos(.pi * progress))
    case .linear:
      return 1 - (1 - finalShare) * decayed(step, from: warmupSteps, to: stepCount)
    case .wsd:
      return 1 - (1 - finalShare) * decayed(step, from: max(warmupSteps, stepCount - decaySteps), to: stepCount)
    }
  }

  /// How far `step` is from `start` to `end`, in 0...1.
  private func decayed(_ step: Int, from start: Int, to end: Int) -> Double {
    guard end > start else { return step >= end ? 1 : 0 }
    return min(1, max(0, Double(step - start) / Double(end - start)))
  }
}
