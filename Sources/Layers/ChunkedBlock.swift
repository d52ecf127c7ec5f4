package import TensorCore

/// A pre-norm block whose attention is CAT's: ``ChunkedAttention``, then the MLP.
package struct ChunkedBlock {
  private let norm: Tensor
  private let normEpsilon: Float
  private let attention: ChunkedAttention
  private let feedForward: FeedForward

  /// - Parameters:
  ///   - shape: the MLP's widths; those of its attention do not count.
  ///   - names: of norms and MLP.
  package init(
    _ shape: BlockShape, names: BlockNames, attention: ChunkedAttentionShape, attentionNames: ChunkedAttentionNames,
    parameters: ParameterStore
  ) {
    norm = parameters[names.attentionNorm]
    normEpsilon = shape.normEpsilon
    self.attention = ChunkedAttention(attention, names: attentionNames, parameters: parameters)
    feedForward = FeedForward(shape, names: names, parameters: parameters)
  }

  package static func specs(
    _ shape: BlockShape, names: BlockNames, attention: ChunkedAttentionShape, attentionNames: ChunkedAttentionNames,
    initializer: BlockInitializer
  ) -> [ParameterSpec] {
    [ParameterSpec(names.attentionNorm, [shape.width], .constant(1))]
      + ChunkedAttention.specs(attention, names: attentionNames, weight: initializer.weight)
      + FeedForward.specs(shape, names: names, initializer: initializer)
  }

  /// Memory for so many sequences and slots of all of them.
  package func makeCache(sequenceCount: Int, slots: Int, tape: Tape) -> ChunkedCache {
    attention.makeCache(sequenceCount: sequenceCount, slots: slots, tape: tape)
  }

  /// - Parameters:
  ///   - stream: `[tokens, D]`, the tokens of `context`, those of a sequence side by side.
  ///   - keptRows: rows that go on past the attention; nil for all.
  /// - Returns: a stream of the kept rows.
  package func callAsFunction(
    _ stream: ResidualStream, context: ChunkedContext, rotary: RotaryTable, keptRows: Tensor? = nil, tape: Tape
  ) -> ResidualStream {
    let (sum, normed) = TransformerBlock.norm(stream, weight: norm, epsilon: normEpsilon, tape: tape)
    let recompute: Recompute = { $0.norm(sum, weight: norm, epsilon: normEpsilon) }
    return tape.recomputing(sum, normed, recompute: recompute) { tape, sum, normed in
      let branch = attention(normed, context: context, positions: keptRows, rotary: rotary, tape: tape)
      return feedForward(keptRows.map { tape.select(sum, rows: RowSelection($0)) } ?? sum, plus: branch, tape: tape)
    }
  }
}
