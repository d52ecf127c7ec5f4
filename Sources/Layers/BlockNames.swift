package import TensorCore

/// Names of a block's parameters in a state dict; the only difference between the published layouts of a block.
package struct BlockNames: Hashable, Sendable {
  package let attentionNorm: String
  /// Query, key and value projections, without `.weight` or `.bias`.
  package let projections: [String]
  package let queryNorm: String
  package let keyNorm: String
  package let output: String
  package let mlpNorm: String
  package let gate: String
  package let up: String
  package let down: String

  /// - Parameters:
  ///   - prefix: `model.layers.0`.
  ///   - attention: what stands between the prefix and the attention's names: `.attn`, `.self_attn` or nothing.
  package init(prefix: String, attention: String, attentionNorm: String, mlpNorm: String) {
    let attentionPrefix = prefix + attention
    self.attentionNorm = "\(prefix).\(attentionNorm).weight"
    projections = ["q_proj", "k_proj", "v_proj"].map { "\(attentionPrefix).\($0)" }
    queryNorm = "\(attentionPrefix).q_norm.weight"
    keyNorm = "\(attentionPrefix).k_norm.weight"
    output = "\(attentionPrefix).o_proj.weight"
    self.mlpNorm = "\(prefix).\(mlpNorm).weight"
    gate = "\(prefix).mlp.gate_proj.weight"
    up = "\(prefix).mlp.up_proj.weight"
    down = "\(prefix).mlp.down_proj.weight"
  }
}

/// First values of a block's matrices.
package struct BlockInitializer: Hashable, Sendable {
  package let weight: Initialization
  /// The two projections that end a branch.
  package let branchOutput: Initialization

  package init(weight: Initialization, branchOutput: Initialization) {
    self.weight = weight
    self.branchOutput = branchOutput
  }
}

/// Names of a CAT layer's parameters in a state dict.
package struct ChunkedAttentionNames: Hashable, Sendable {
  package let dummies: String
  package let expansion: String
  package let compression: String
  package let compressionBias: String
  /// Queries, keys, values.
  package let projections: [String]
  package let queryNorm: String
  package let keyNorm: String
  /// The attention's own output projection.
  package let innerOutput: String
  /// Back to the stream's width.
  package let output: String

  /// - Parameter prefix: `model.layers.0.cat_attn`.
  package init(prefix: String) {
    dummies = "\(prefix).dummy_fx.weight"
    expansion = "\(prefix).expand.weight"
    compression = "\(prefix).compressor.weight"
    compressionBias = "\(prefix).compressor.bias"
    projections = ["q_proj", "k_proj", "v_proj"].map { "\(prefix).\($0).weight" }
    queryNorm = "\(prefix).q_norm.weight"
    keyNorm = "\(prefix).k_norm.weight"
    innerOutput = "\(prefix).o_proj.weight"
    output = "\(prefix).final_proj.weight"
  }
}
