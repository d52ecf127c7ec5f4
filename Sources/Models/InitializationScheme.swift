internal import Layers
internal import Randomness
package import TensorCore

/// Where a model's first weights come from.
package enum InitializationScheme: String, CaseIterable, Hashable, Sendable {
  /// flash-linear-attention: every matrix from N(0, `initializer_range`²).
  case fla
  /// The reference code: N(0, 2/(5·width)), and N(0, (1/(√width · layers))²) for projections that end a branch.
  case reference

  /// Deviation of ordinary matrices in a network of `width`.
  func weight(width: Int, range: Double) -> Initialization {
    switch self {
    case .fla: .normal(deviation: range)
    case .reference: .normal(deviation: (2 / (5 * Double(width))).squareRoot())
    }
  }

  /// Deviation of the projections that end a branch.
  func branchOutput(width: Int, layerCount: Int, range: Double) -> Initialization {
    switch self {
    case .fla: .normal(deviation: range)
    case .reference: .normal(deviation: 1 / (Double(width).squareRoot() * Double(layerCount)))
    }
  }

  /// Both, for the blocks of a network.
  func blocks(width: Int, layerCount: Int, range: Double) -> BlockInitializer {
    BlockInitializer(
      weight: weight(width: width, range: range),
      branchOutput: branchOutput(width: width, layerCount: layerCount, range: range))
  }
}

extension ParameterStore {
  /// Fills all weights as `specs` say; the same values for the same seed on any machine, up to the rounding of
  /// logarithm and cosine.
  package func initialize(_ specs: [ParameterSpec], seed: UInt64) {
    precondition(specs.map(\.name) == self.specs.map(\.name), "initialize: specs of another model")
    for (index, spec) in specs.enumerated() {
      switch spec.initialization {
      case .constant(let value):
        self[spec.name].assign([Float](repeating: value, count: spec.count))
      case .normal(let deviation):
        var generator = CounterGenerator(seed: seed, stream: .initialWeights, index: UInt64(index))
        self[spec.name].assign((0..<spec.count).map { _ in Float(generator.normal() * deviation) })
      }
    }
  }
}
