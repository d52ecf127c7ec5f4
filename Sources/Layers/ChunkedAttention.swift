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

  package var heads: AttentionHeads {
    let count = innerWidth / headWidth
    return AttentionHeads(count: count, keyValueCount: count, width: headWidth, rotaryWidth: rotaryWidth)
  }

  /// The attention of all sequences.
  package func attention(_ layouts: ChunkLayouts) -> AttentionCalls {
    AttentionCalls(
      layouts.layouts.map { AttentionShape(pattern: $0.pattern, sequenceCount: $0.sampleCount, heads: heads) })
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
  private let shape: ChunkedAttentionShape
  private let dummies: Tensor
  private let expansion: Tensor
  private let compression: Tensor
  private let compressionBias: Tensor
  private let packedWeight: Tensor
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

  /// Slots that a sequence of up to `length` tokens takes.
  package static func slotCount(length: Int, chunkSize: Int) -> Int {
    (length + chunkSize - 1) / chunkSize + max(chunkSize - 1, 1)
  }

  /// Memory for so many sequences and slots of all of them.
  func makeCache(sequenceCount: Int, slots: Int, tape: Tape) -> ChunkedCache {
    ChunkedCache(
      rows: KeyValueCache(slots: slots, keyValueWidth: shape.innerWidth, backend: tape.backend),
      vectors: tape.buffer([sequenceCount, shape.innerWidth]), compression: compression, width: shape.width)
  }

  /// - Parameters:
  ///   - x: `[tokens, D]`, normed: those of `context`, side by side.
  ///   - positions: rows of `x` whose output is wanted, each at most once; nil for all.
  /// - Returns: `[positions, D]`.
  package func callAsFunction(
    _ x: Tensor, context: ChunkedContext, positions: Tensor?, rotary: RotaryTable, tape: Tape
  ) -> Tensor {
    let input = attentionInput(x, context: context, tape: tape)
    let attention = context.attention(shape)
    let project = { (tape: Tape) in
      tape.packedProjection(input, weight: packedWeight, bias: nil, heads: shape.heads)
    }
    let mixed = tape.attention(
      project(tape), heads: shape.heads, context: attention, keptRows: rows(context, at: positions, tape: tape),
      tables: tables(rotary), recompute: tape.savingAttention(project))
    return tape.linear(tape.linear(mixed, weight: innerOutput), weight: output, dtype: tape.types.residual)
  }

  /// The attention's rows whose outputs are wanted; nil for all.
  private func rows(_ context: ChunkedContext, at positions: Tensor?, tape: Tape) -> Tensor? {
    guard let table = context.outputRows(tape) else { return positions }
    return positions.map { tape.gather(table, at: $0) } ?? table
  }

  private func tables(_ rotary: RotaryTable) -> AttentionTables {
    AttentionTables(
      cosines: rotary.cosines, sines: rotary.sines, queryNorm: queryNorm, keyNorm: keyNorm,
      normEpsilon: shape.headNormEpsilon)
  }

  /// The rows of the attention, `[rows, E]`.
  private func attentionInput(_ x: Tensor, context: ChunkedContext, tape: Tape) -> Tensor {
    switch context {
    case .beginning(let layouts, let kept):
      if let (beginning, cache) = kept {
        let layout = layouts.only
        let first = layout.fullChunkCount * layout.chunkSize
        for t in first..<layout.length {
          let rows = IndexRuns(start: t, stride: layout.length, runCount: layout.sampleCount)
          let part = ChunkedTokens.Part(tokens: tape.indices(rows), vectors: beginning.vectors)
          let group = ChunkedTokens.Group(chunkSize: layout.chunkSize, offset: t - first, part: part)
          addToVectors(x, group, cache: cache, tape: tape)
        }
      }
      return packedRows(x, layouts: layouts, tape: tape)
    case .tokens(let tokens, let cache):
      for group in tokens.groups { addToVectors(x, group, cache: cache, tape: tape) }
      return tokenRows(x, tokens, cache: cache, tape: tape)
    }
  }

  /// The row of each token: the vector of a chunk that it ends, or its own, `[tokens, E]`.
  private func tokenRows(_ x: Tensor, _ tokens: ChunkedTokens, cache: ChunkedCache, tape: Tape) -> Tensor {
    guard let ending = tokens.ending else { return tape.linear(x, weight: expansion) }
    let vectors = tape.select(cache.vectors, rows: RowSelection(ending.vectors))
    tape.backend.addBias(compressionBias, to: Matrix(vectors))
    guard let endingRows = ending.tokens, let others = tokens.others else { return vectors }
    let own = tape.linear(tape.select(x, rows: RowSelection(others)), weight: expansion)
    return tape.assemble(
      count: x.rowCount,
      [
        RowSource(vectors, rows: .all, to: RowSelection(endingRows)),
        RowSource(own, rows: .all, to: RowSelection(others)),
      ])
  }

  /// The rows of `layouts`, `[rows, E]`.
  private func packedRows(_ x: Tensor, layouts: ChunkLayouts, tape: Tape) -> Tensor {
    func rows(_ recipe: some IndexRecipe) -> RowSelection { RowSelection(tape.indices(recipe)) }
    let channelCount = layouts.chunkSize * shape.width
    let covered = layouts.areWhole ? x : tape.select(x, rows: rows(layouts.fullChunkPositions))
    let vectors = tape.linear(
      covered.reshaped([layouts.chunkCount, channelCount]), weight: tape.resample(compression, width: channelCount),
      bias: compressionBias)  // [B·F, E]
    let tokens = tape.linear(tape.select(x, rows: rows(layouts.tokenPositions)), weight: expansion)  // [B·(T - F), E]
    let dummyRow = IndexRuns(repeating: shape.isAdaptive ? layouts.chunkSize : 0, count: layouts.sampleCount)
    return tape.assemble(
      count: layouts.rowCount,
      [
        RowSource(dummies, rows: rows(dummyRow), to: rows(layouts.startRows)),
        RowSource(vectors, rows: .all, to: rows(layouts.chunkRows)),
        RowSource(tokens, rows: .all, to: rows(layouts.tokenRows)),
      ])
  }

  /// Adds what tokens contribute to their chunks' vectors; the first token of a chunk overwrites.
  private func addToVectors(_ x: Tensor, _ group: ChunkedTokens.Group, cache: ChunkedCache, tape: Tape) {
    let rows = group.part.tokens.map { tape.select(x, rows: RowSelection($0)) } ?? x
    let columns = group.offset * shape.width..<(group.offset + 1) * shape.width
    let weight = Matrix(cache.compression(chunkSize: group.chunkSize, tape: tape))
      .part(rows: 0..<shape.innerWidth, columns: columns)
    let added = tape.buffer([rows.rowCount, shape.innerWidth])
    tape.backend.multiply(Matrix(rows), weight.transposed, into: Matrix(added), scale: 1, accumulate: false)
    let vectors = group.part.vectors
    if group.offset == 0 {
      tape.backend.copyRows(of: added, nil, to: cache.vectors, vectors, count: vectors.count)
    } else {
      tape.backend.addRows(of: added, nil, to: cache.vectors, vectors, count: vectors.count, skipping: nil)
    }
  }
}
