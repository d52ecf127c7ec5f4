package import TensorCore

/// The widths of a stack of transformer blocks.
package struct BlockShape: Hashable, Sendable {
  package var width: Int
  package var headCount: Int
  package var keyValueHeadCount: Int
  package var mlpWidth: Int
  package var hasProjectionBias: Bool
  package var hasHeadNorm: Bool
  package var normEpsilon: Float
  /// Epsilon of the head norms: fixed in the published implementation.
  package var headNormEpsilon: Float

  package init(
    width: Int, headCount: Int, keyValueHeadCount: Int, mlpWidth: Int, hasProjectionBias: Bool = false,
    hasHeadNorm: Bool = false, normEpsilon: Float, headNormEpsilon: Float = 1e-5
  ) {
    self.width = width
    self.headCount = headCount
    self.keyValueHeadCount = keyValueHeadCount
    self.mlpWidth = mlpWidth
    self.hasProjectionBias = hasProjectionBias
    self.hasHeadNorm = hasHeadNorm
    self.normEpsilon = normEpsilon
    self.headNormEpsilon = headNormEpsilon
  }

  package var headWidth: Int { width / headCount }
  package var keyValueWidth: Int { keyValueHeadCount * headWidth }
  package var heads: AttentionHeads {
    AttentionHeads(count: headCount, keyValueCount: keyValueHeadCount, width: headWidth)
  }

  /// An attention call of this shape.
  package func attention(
    _ pattern: AttentionPattern, sequenceCount: Int, dropsFirstQueries: Bool = false
  ) -> AttentionShape {
    AttentionShape(
      pattern: pattern, sequenceCount: sequenceCount, heads: heads, dropsFirstQueries: dropsFirstQueries)
  }
}

/// The residual stream between blocks: what has been added up, and the last branch's output that is yet to be added.
package struct ResidualStream {
  package let base: Tensor
  package let delta: Tensor?

  package init(_ base: Tensor, delta: Tensor? = nil) {
    self.base = base
    self.delta = delta
  }
}

/// One pre-norm block: attention, then a SwiGLU MLP, each added to the residual stream.
///
/// The addition is done by the norm that follows, so that the stream is read once.
package struct TransformerBlock {
  private let shape: BlockShape
  private let attentionNorm: Tensor
  private let packedWeight: Tensor
  private let packedBias: Tensor?
  private let queryNorm: Tensor?
  private let keyNorm: Tensor?
  private let outputWeight: Tensor
  private let feedForward: FeedForward

  /// Takes its weights from `parameters` under the names that ``specs(_:names:initializer:)`` listed.
  package init(_ shape: BlockShape, names: BlockNames, parameters: ParameterStore) {
    self.shape = shape
    attentionNorm = parameters[names.attentionNorm]
    packedWeight = parameters.joined(names.projections.map { $0 + ".weight" })
    packedBias = shape.hasProjectionBias ? parameters.joined(names.projections.map { $0 + ".bias" }) : nil
    queryNorm = shape.hasHeadNorm ? parameters[names.queryNorm] : nil
    keyNorm = shape.hasHeadNorm ? parameters[names.keyNorm] : nil
    outputWeight = parameters[names.output]
    feedForward = FeedForward(shape, names: names, parameters: parameters)
  }

  /// The block's parameters in their order in memory: what one product reads lies together.
  package static func specs(_ shape: BlockShape, names: BlockNames, initializer: BlockInitializer) -> [ParameterSpec] {
    let widths = [shape.width, shape.keyValueWidth, shape.keyValueWidth]
    var specs = [ParameterSpec(names.attentionNorm, [shape.width], .constant(1))]
    specs += zip(names.projections, widths).map { name, width in
      ParameterSpec(name + ".weight", [width, shape.width], initializer.weight)
    }
    if shape.hasProjectionBias {
      specs += zip(names.projections, widths).map { ParameterSpec($0 + ".bias", [$1], .constant(0)) }
    }
    if shape.hasHeadNorm {
      specs += [names.queryNorm, names.keyNorm].map { ParameterSpec($0, [shape.headWidth], .constant(1)) }
    }
    specs.append(ParameterSpec(names.output, [shape.width, shape.width], initializer.branchOutput))
    return specs + FeedForward.specs(shape, names: names, initializer: initializer)
  }

  /// Runs the block.
  ///
  /// - Parameters:
  ///   - stream: `[rows, D]`, the rows of `context`.
  ///   - keptRows: rows that go on past the attention, counted among those that have a query; nil for all.
  /// - Returns: a stream of the kept rows.
  package func callAsFunction(
    _ stream: ResidualStream, context: AttentionContext, rotary: RotaryTable, keptRows: Tensor? = nil, tape: Tape
  ) -> ResidualStream {
    // Two products add to the gradient where queries are dropped; a cache is in single precision.
    let isSingle = context.queryRows != nil || context.usesCache
    let dtype = isSingle ? .float32 : tape.types.activations
    let (sum, normed) = Self.norm(
      stream, weight: attentionNorm, epsilon: shape.normEpsilon, dtype: dtype, tape: tape)
    let norm: Recompute = { $0.norm(sum, weight: attentionNorm, epsilon: shape.normEpsilon, dtype: dtype) }
    return tape.recomputing(sum, normed, recompute: norm) { tape, sum, normed in
      // Rows are selected in single precision, and a bias is added in it.
      let isStored = keptRows == nil && packedBias == nil && !context.usesCache
      let project = { (normed: Tensor, tape: Tape) in
        tape.packedProjection(
          normed, weight: packedWeight, bias: packedBias, heads: shape.heads, queryRows: context.queryRows,
          recompute: norm, dtype: isStored ? tape.types.activations : .float32)
      }
      let mixed = tape.attention(
        project(normed, tape), heads: shape.heads, context: context, keptRows: keptRows, tables: tables(rotary),
        recompute: tape.savingAttention { project(norm($0), $0) })
      let isWhole = keptRows == nil && context.queryRows == nil
      let kept = isWhole ? sum : tape.select(sum, rows: context.rows(keptRows, tape: tape))
      return feedForward(kept, plus: tape.linear(mixed, weight: outputWeight, dtype: tape.types.residual), tape: tape)
    }
  }

  private func tables(_ rotary: RotaryTable) -> AttentionTables {
    AttentionTables(
      cosines: rotary.cosines, sines: rotary.sines, queryNorm: queryNorm, keyNorm: keyNorm,
      normEpsilon: shape.headNormEpsilon)
  }

  /// The stream summed up, and its norm.
  package static func norm(
    _ stream: ResidualStream, weight: Tensor, epsilon: Float, dtype: DType = .float32, tape: Tape
  ) -> (sum: Tensor, normed: Tensor) {
    guard let delta = stream.delta else {
      return (stream.base, tape.norm(stream.base, weight: weight, epsilon: epsilon, dtype: dtype))
    }
    return tape.norm(stream.base, plus: delta, weight: weight, epsilon: epsilon, dtype: dtype)
  }
}
