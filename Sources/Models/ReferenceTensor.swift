internal import Layers

/// A tensor of the authors' reference code, and where its rows lie among a model's parameters.
package struct ReferenceTensor: Hashable, Sendable {
  /// Its name in the reference's state dict.
  package let name: String
  /// Our parameters, which lie side by side in memory, stacked along the first dimension.
  package let parameters: [String]
  /// The row of ours that each of its rows is; nil where all are, in order. Nobody reads our other rows.
  package let rows: [Int]?

  package init(_ name: String, _ parameters: [String], rows: [Int]? = nil) {
    self.name = name
    self.parameters = parameters
    self.rows = rows
  }
}

extension ReferenceTensor {
  /// The tensors of one block of self-attention and MLP.
  ///
  /// - Parameter prefix: `layers.0`.
  static func block(_ prefix: String, _ names: BlockNames, hasHeadNorm: Bool) -> [ReferenceTensor] {
    [
      ReferenceTensor("\(prefix).attention_norm.weight", [names.attentionNorm]),
      ReferenceTensor("\(prefix).attention.wqkv.weight", names.projections.map { $0 + ".weight" }),
    ]
      + (hasHeadNorm
        ? [
          ReferenceTensor("\(prefix).attention.q_norm.weight", [names.queryNorm]),
          ReferenceTensor("\(prefix).attention.k_norm.weight", [names.keyNorm]),
        ] : [])
      + [ReferenceTensor("\(prefix).attention.wo.weight", [names.output])] + feedForward(prefix, names)
  }

  /// The MLP's half of a block.
  static func feedForward(_ prefix: String, _ names: BlockNames) -> [ReferenceTensor] {
    [
      ReferenceTensor("\(prefix).ffn_norm.weight", [names.mlpNorm]),
      ReferenceTensor("\(prefix).feed_forward.fc_1.weight", [names.gate]),
      ReferenceTensor("\(prefix).feed_forward.fc_2.weight", [names.up]),
      ReferenceTensor("\(prefix).feed_forward.proj.weight", [names.down]),
    ]
  }
}
