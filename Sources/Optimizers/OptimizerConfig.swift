package import Settings

/// The `optimizer` section of a run file.
package struct OptimizerConfig: Hashable, Sendable {
  /// Which tensors the weight decay falls on.
  package enum DecayTarget: String, CaseIterable, Hashable, Sendable {
    /// Tensors of two dimensions, embeddings included.
    case matrices
    case all
  }

  /// Peak learning rate; the schedule gives each step's share of it.
  package var learningRate: Double
  package var beta1: Double
  package var beta2: Double
  package var epsilon: Double
  package var weightDecay: Double
  package var decayTarget: DecayTarget
  /// Largest global gradient norm; larger gradients are scaled down to it. 0: no clipping.
  package var clipNorm: Double

  package init(_ reader: SettingsReader) throws(SettingsError) {
    learningRate = try reader.number("learning_rate", default: 8e-4, in: 0...10)
    beta1 = try reader.number("beta1", default: 0.9, in: 0...0.999999)
    beta2 = try reader.number("beta2", default: 0.95, in: 0...0.999999)
    epsilon = try reader.number("epsilon", default: 1e-8, in: 1e-30...1)
    weightDecay = try reader.number("weight_decay", default: 0.1, in: 0...10)
    decayTarget = try reader.choice("decay", default: .matrices)
    clipNorm = try reader.number("clip_norm", default: 1, in: 0...1e12)
  }
}
