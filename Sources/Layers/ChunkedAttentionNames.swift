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
