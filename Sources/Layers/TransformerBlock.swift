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

  /// An attention call of this shape.
  package func attention(
    _ pattern: AttentionPattern, sequenceCount: Int, dropsFirstQueries: Bool = false
  ) -> AttentionShape {
    AttentionShape(
      pattern: pattern, sequenceCount: sequenceCount, headCount: headCount, keyValueHeadCount: keyValueHeadCount,
      headWidth: headWidth, dropsFirstQueries: dropsFirstQueries)
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
  let shape: BlockShape
  let attentionNorm: Tensor
  let packedWeight: Tensor
  let packedBias: Tensor?
  private let queryNorm: Tensor?
  private let keyNorm: Tensor?
  let outputWeight: Tensor
  let feedForward: FeedForward

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
  ///   - stream: `[rows, D]`, laid out as `attention` says.
  ///   - keptRows: rows among the queries' rows that go on past the attention; nil for all.
  /// - Returns: a stream of the kept rows.
  package func callAsFunction(
    _ stream: ResidualStream, attention: AttentionShape, rotary: RotaryTable, keptRows: Tensor? = nil, tape: Tape
  ) -> ResidualStream {
    // Two products add to the gradient where queries are dropped.
    let dtype = attention.dropsFirstQueries ? .float32 : tape.types.activations
    let (sum, normed) = Self.norm(
      stream, weight: attentionNorm, epsilon: shape.normEpsilon, dtype: dtype, tape: tape)
    let norm: Remaking = { $0.norm(sum, weight: attentionNorm, epsilon: shape.normEpsilon, dtype: dtype) }
    return tape.recomputing(sum, normed, remaking: norm) { tape, sum, normed in
      var kept = sum
      // Rows are selected in single precision, and a bias is added in it.
      let isStored = keptRows == nil && packedBias == nil
      var mixed = attended(
        normed, attention: attention, rotary: rotary, dtype: isStored ? tape.types.activations : .float32,
        remaking: norm, tape: tape)
      if attention.dropsFirstQueries || keptRows != nil {
        kept = tape.select(
          kept, rows: RowSelection(keptRows, from: attention.queryRows.lowerBound),
          count: keptRows?.count ?? attention.queryRows.count)
        if let keptRows { mixed = tape.select(mixed, rows: RowSelection(keptRows)) }
      }
      return feedForward(kept, plus: tape.linear(mixed, weight: outputWeight, dtype: tape.types.residual), tape: tape)
    }
  }

  /// Attention over the normed stream.
  ///
  /// - Parameters:
  ///   - dtype: of the projection and the result.
  ///   - remaking: makes `normed` again.
  private func attended(
    _ normed: Tensor, attention: AttentionShape, rotary: RotaryTable, dtype: DType, remaking: @escaping Remaking,
    tape: Tape
  ) -> Tensor {
    let project = { (normed: Tensor, tape: Tape) in
      tape.packedProjection(
        normed, weight: packedWeight, bias: packedBias, shape: attention, remaking: remaking, dtype: dtype)
    }
    return tape.attention(
      project(normed, tape), shape: attention, tables: tables(rotary),
      remaking: tape.savingAttention { project(remaking($0), $0) })
  }

  func tables(_ rotary: RotaryTable) -> AttentionTables {
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
