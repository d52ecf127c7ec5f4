internal import Layers
package import TensorCore

/// The adaptive Compress & Attend Transformer in its packed layout.
///
/// A sequence of T tokens at chunk size C has F = ⌊T/C⌋ full chunks. Its decoder rows are F + 1 globals
/// `[A, f_0 … f_{F-1}]` and T + 1 locals: local `i` is the separator where `i % C == 0` and token `i - 1` elsewhere.
/// Local `i > 0` predicts token `i`: the row of token `i - 1`, or the separator after it. The last token of a chunk
/// has no row, for nobody reads it and it predicts nothing.
///
/// - Source: arXiv:2511.05313; names and details as in flash-linear-attention 0.6.0.
package final class CATModel: LanguageModel {
  package let config: ModelConfig
  package let parameters: ParameterStore
  package let head: Tensor

  private let fields: CATConfig
  private let compressor: Compressor
  private let embeddings: Tensor
  private let separator: Tensor
  private let adaptiveTable: Tensor
  private let blocks: [TransformerBlock]
  private let finalNorm: Tensor
  private let rotary: RotaryTable

  package init(_ fields: CATConfig, isTrained: Bool, backend: any Backend) {
    let store = ParameterStore(Self.specs(fields, scheme: .fla), isTrained: isTrained, backend: backend)
    self.fields = fields
    config = ModelConfig(fields)
    parameters = store
    compressor = Compressor(fields, parameters: store, backend: backend)
    embeddings = store["model.embeddings.weight"]
    separator = store["model.separator.weight"]
    adaptiveTable = store["model.adaptive_token.weight"]
    blocks = (0..<fields.layerCount).map {
      TransformerBlock(fields.decoderShape, names: Self.names($0), parameters: store)
    }
    finalNorm = store["model.norm.weight"]
    head = store.optional("lm_head.weight") ?? embeddings
    rotary = RotaryTable(
      positionCount: fields.maximumChunkSize + 1, headWidth: fields.decoderShape.headWidth,
      base: Float(fields.rotaryBase), backend: backend)
  }

  static func names(_ layer: Int) -> BlockNames {
    BlockNames(
      prefix: "model.layers.\(layer)", attention: ".attn", attentionNorm: "attn_norm", mlpNorm: "mlp_norm")
  }

  /// All parameters in their order in memory.
  package static func specs(_ fields: CATConfig, scheme: InitializationScheme) -> [ParameterSpec] {
    let width = fields.hiddenSize
    let weight = scheme.weight(width: width, range: fields.initializerRange)
    let initializer = BlockInitializer(
      weight: weight,
      branchOutput: scheme.branchOutput(width: width, layerCount: fields.layerCount, range: fields.initializerRange))
    var specs = Compressor.specs(fields, scheme: scheme)
    specs += [
      ParameterSpec("model.embeddings.weight", [fields.vocabularySize, width], weight),
      ParameterSpec("model.separator.weight", [1, width], weight),
      ParameterSpec("model.adaptive_token.weight", [fields.maximumChunkSize + 1, width], weight),
    ]
    for layer in 0..<fields.layerCount {
      specs += TransformerBlock.specs(fields.decoderShape, names: names(layer), initializer: initializer)
    }
    specs.append(ParameterSpec("model.norm.weight", [width], .constant(1)))
    if !fields.tiesEmbeddings {
      specs.append(ParameterSpec("lm_head.weight", [fields.vocabularySize, width], weight))
    }
    return specs
  }

  package func hidden(_ input: ModelInput, tape: Tape) -> Tensor {
    precondition(
      (1...fields.maximumChunkSize).contains(input.chunkSize),
      "chunk size \(input.chunkSize) of 1...\(fields.maximumChunkSize)")
    precondition(
      input.length <= fields.maximumLength, "\(input.length) tokens of at most \(fields.maximumLength)")
    let layout = PackedLayout(sampleCount: input.sampleCount, length: input.length, chunkSize: input.chunkSize)
    let compressed = compressedChunks(input, layout: layout, tape: tape)
    var stream = ResidualStream(decoderInput(input, compressed: compressed, layout: layout, tape: tape))
    let predicting = tape.indices(layout.predictingRows)
    let keptRows = input.positions.map { tape.gather(predicting, at: $0) } ?? predicting
    for (index, block) in blocks.enumerated() {
      let isLast = index == blocks.count - 1
      stream = block(
        stream,
        attention: fields.decoderShape.attention(
          layout.pattern, sequenceCount: input.sampleCount, dropsFirstQueries: isLast),
        rotary: rotary, keptRows: isLast ? keptRows : nil, tape: tape)
    }
    return TransformerBlock.norm(stream, weight: finalNorm, epsilon: Float(fields.normEpsilon), tape: tape).normed
  }

  package func makeDecoding(
    sequenceCount: Int, length: Int, chunkSize: Int, backend: any Backend
  ) -> any Decoding {
    precondition(
      (1...fields.maximumChunkSize).contains(chunkSize), "chunk size \(chunkSize) of 1...\(fields.maximumChunkSize)")
    let decoder = CATDecoder(
      compressor: compressor, embeddings: embeddings, start: (adaptiveTable, chunkSize), separator: separator,
      blocks: blocks, rotary: rotary, finalNorm: finalNorm, normEpsilon: Float(fields.normEpsilon))
    return CATDecoding(
      decoder, sequenceCount: sequenceCount, length: length, chunkSize: chunkSize, backend: backend)
  }

  /// One vector for each full chunk, `[B·F, D]`, chunks of a sample side by side.
  package func compressedChunks(_ input: ModelInput, tape: Tape) -> Tensor {
    compressedChunks(
      input, layout: PackedLayout(sampleCount: input.sampleCount, length: input.length, chunkSize: input.chunkSize),
      tape: tape)
  }

  private func compressedChunks(_ input: ModelInput, layout: PackedLayout, tape: Tape) -> Tensor {
    let covered = layout.fullChunkCount * layout.chunkSize
    let ids = covered == layout.length ? input.ids : tape.gather(input.ids, at: tape.indices(layout.fullChunkPositions))
    return compressor(
      ids, chunkIndices: tape.indices(layout.fullChunkIndices), chunkSize: input.chunkSize, tape: tape)
  }

  private func decoderInput(_ input: ModelInput, compressed: Tensor, layout: PackedLayout, tape: Tape) -> Tensor {
    func rows(_ recipe: some IndexRecipe) -> RowSelection { RowSelection(tape.indices(recipe)) }
    let separatorCount = layout.sampleCount * layout.separatorCount
    return tape.assemble(
      count: layout.rowCount, dtype: tape.types.residual,
      [
        RowSource(
          adaptiveTable, rows: rows(IndexRuns(repeating: input.chunkSize, count: input.sampleCount)),
          to: rows(layout.adaptiveRows)),
        RowSource(compressed, rows: .all, to: rows(layout.compressedRows)),
        RowSource(
          separator, rows: rows(IndexRuns(repeating: 0, count: separatorCount)), to: rows(layout.separatorRows)),
        RowSource(
          embeddings, rows: RowSelection(tape.gather(input.ids, at: tape.indices(layout.tokenPositions))),
          to: rows(layout.tokenRows), frozenRow: fields.paddingID.map(Int32.init)),
      ])
  }
}
