package import TensorCore

/// The sizes of one CAT layer.
package struct ChunkedAttentionShape: Hashable, Sendable {
  /// Width D of the stream.
  package let width: Int
  /// Width E of the attention within; a multiple of ``headWidth``.
  package let innerWidth: Int
  package let headWidth: Int
  /// The first channels of a head that the rotary embedding turns.
  package let rotaryWidth: Int
  /// Chunk size, the largest where it may vary.
  package let chunkSize: Int
  /// Whether the chunk size is the call's choice.
  package let isAdaptive: Bool
  package let hasHeadNorm: Bool
  package let headNormEpsilon: Float

  package init(
    width: Int, innerWidth: Int, headWidth: Int, rotaryWidth: Int, chunkSize: Int, isAdaptive: Bool, hasHeadNorm: Bool,
    headNormEpsilon: Float = 1e-5
  ) {
    precondition(innerWidth % headWidth == 0, "CAT layer: \(innerWidth) channels in heads of \(headWidth)")
    self.width = width
    self.innerWidth = innerWidth
    self.headWidth = headWidth
    self.rotaryWidth = rotaryWidth
    self.chunkSize = chunkSize
    self.isAdaptive = isAdaptive
    self.hasHeadNorm = hasHeadNorm
    self.headNormEpsilon = headNormEpsilon
  }

  /// The attention call of a layout.
  package func attention(_ layout: ChunkLayout) -> AttentionShape {
    let headCount = innerWidth / headWidth
    return AttentionShape(
      pattern: layout.pattern, sequenceCount: layout.sampleCount, headCount: headCount, keyValueHeadCount: headCount,
      headWidth: headWidth, rotaryWidth: rotaryWidth)
  }
}

/// CAT in the place of a layer's attention: tokens see their own chunk and one vector for each chunk before.
///
/// A chunk's vector is a projection of all its rows, so the last row of a chunk needs no place of its own: its output
/// is that of the vector. An adaptive layer resamples that projection to the call's chunk size, as the adaptive CAT does
/// with its compressor's, and has a dummy vector for each size.
///
/// - Source: `cat_layer.py` of the authors' reference code; the adaptive layer is ours.
package struct ChunkedAttention {
  let shape: ChunkedAttentionShape
  private let dummies: Tensor
  let expansion: Tensor
  let compression: Tensor
  let compressionBias: Tensor
  let packedWeight: Tensor
  private let queryNorm: Tensor?
  private let keyNorm: Tensor?
  private let innerOutput: Tensor
  private let output: Tensor

  /// Takes its weights from `parameters` under the names that ``specs(_:names:weight:)`` listed.
  package init(_ shape: ChunkedAttentionShape, names: ChunkedAttentionNames, parameters: ParameterStore) {
    self.shape = shape
    dummies = parameters[names.dummies]
    expansion = parameters[names.expansion]
    compression = parameters[names.compression]
    compressionBias = parameters[names.compressionBias]
    packedWeight = parameters.joined(names.projections)
    queryNorm = shape.hasHeadNorm ? parameters[names.queryNorm] : nil
    keyNorm = shape.hasHeadNorm ? parameters[names.keyNorm] : nil
    innerOutput = parameters[names.innerOutput]
    output = parameters[names.output]
  }

  /// The layer's parameters in their order in memory.
  package static func specs(
    _ shape: ChunkedAttentionShape, names: ChunkedAttentionNames, weight: Initialization
  ) -> [ParameterSpec] {
    let (D, E) = (shape.width, shape.innerWidth)
    var specs = [
      ParameterSpec(names.dummies, [shape.isAdaptive ? shape.chunkSize + 1 : 1, E], weight),
      ParameterSpec(names.expansion, [E, D], weight),
      ParameterSpec(names.compression, [E, shape.chunkSize * D], weight),
      ParameterSpec(names.compressionBias, [E], .constant(0)),
    ]
    specs += names.projections.map { ParameterSpec($0, [E, E], weight) }
    if shape.hasHeadNorm {
      specs += [names.queryNorm, names.keyNorm].map { ParameterSpec($0, [shape.headWidth], .constant(1)) }
    }
    return specs + [ParameterSpec(names.innerOutput, [E, E], weight), ParameterSpec(names.output, [D, E], weight)]
  }

  /// - Parameters:
  ///   - x: `[B·T, D]`, normed.
  ///   - positions: rows `b·T + t` whose output is wanted, each at most once; nil for all.
  /// - Returns: `[positions, D]`.
  package func callAsFunction(
    _ x: Tensor, layout: ChunkLayout, positions: Tensor?, rotary: RotaryTable, tape: Tape
  ) -> Tensor {
    let attention = shape.attention(layout)
    let input = packedInput(x, layout: layout, tape: tape)
    let project = { (tape: Tape) in
      tape.packedProjection(input, weight: packedWeight, bias: nil, shape: attention)
    }
    let mixed = tape.attention(
      project(tape), shape: attention, tables: tables(rotary), remaking: tape.savingAttention(project))
    let table = tape.indices(layout.outputRows)
    let rows = positions.map { tape.gather(table, at: $0) } ?? table
    return outputs(tape.select(mixed, rows: RowSelection(rows)), tape: tape)
  }

  func tables(_ rotary: RotaryTable) -> AttentionTables {
    AttentionTables(
      cosines: rotary.cosines, sines: rotary.sines, queryNorm: queryNorm, keyNorm: keyNorm,
      normEpsilon: shape.headNormEpsilon)
  }

  /// Mixed rows `[rows, E]` back to the stream's width, `[rows, D]`.
  func outputs(_ mixed: Tensor, tape: Tape) -> Tensor {
    tape.linear(tape.linear(mixed, weight: innerOutput), weight: output, dtype: tape.types.residual)
  }

  /// The rows of `layout`, `[rows, E]`.
  func packedInput(_ x: Tensor, layout: ChunkLayout, tape: Tape) -> Tensor {
    let channelCount = layout.chunkSize * shape.width
    let chunkCount = layout.sampleCount * layout.fullChunkCount
    let covered =
      layout.length % layout.chunkSize == 0
      ? x : tape.select(x, rows: RowSelection(tape.indices(layout.fullChunkPositions)))
    let vectors = tape.linear(
      covered.reshaped([chunkCount, channelCount]), weight: tape.resample(compression, width: channelCount),
      bias: compressionBias)  // [B·F, E]
    let tokens = tape.linear(
      tape.select(x, rows: RowSelection(tape.indices(layout.tokenPositions))), weight: expansion)  // [B·(T - F), E]
    let dummyRow = IndexRuns(repeating: shape.isAdaptive ? layout.chunkSize : 0, count: layout.sampleCount)
    return tape.assemble(
      count: layout.rowCount,
      [
        RowSource(
          dummies, rows: RowSelection(tape.indices(dummyRow)), to: RowSelection(tape.indices(layout.dummyRows))),
        RowSource(vectors, rows: .all, to: RowSelection(tape.indices(layout.chunkRows))),
        RowSource(tokens, rows: .all, to: RowSelection(from: layout.firstLocalRow)),
      ])
  }
}
