package import JSON
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
  package var learningRate = 8e-4
  package var beta1 = 0.9
  package var beta2 = 0.95
  package var epsilon = 1e-8
  package var weightDecay = 0.1
  package var decayTarget = DecayTarget.matrices
  /// Largest global gradient norm; larger gradients are scaled down to it. 0: no clipping.
  package var clipNorm = 1.0

  package init() {}

  package init(_ reader: JSONReader) throws(JSONError) {
    try reader.read(Self.keys, into: &self)
  }

  private static let keys: [Key<Self>] = [
    .number(
      "learning_rate", \.learningRate, in: 0...10,
      "Peak learning rate of AdamW; the section schedule gives each step's share of it."),
    .number("beta1", \.beta1, in: 0...0.999999, "Decay of the gradients' running mean."),
    .number("beta2", \.beta2, in: 0...0.999999, "Decay of the running mean of the gradients' squares."),
    .number("epsilon", \.epsilon, in: 1e-30...1, "Added to the root of the second moment, as in PyTorch."),
    .number(
      "weight_decay", \.weightDecay, in: 0...10,
      "Each step takes this share, times the learning rate, off the weights that decay."),
    .choice(
      "decay", \.decayTarget,
      "Which weights decay: tensors of two dimensions, embeddings included (matrices), or all."),
    .number(
      "clip_norm", \.clipNorm, in: 0...1e12,
      "Larger gradients are scaled down to this norm, taken over all parameters and ranks; 0 turns it off."),
  ]

  package static let declaration = SectionDeclaration(
    name: "optimizer", sentence: "AdamW.", keys: keys.declarations(Self()))
}
