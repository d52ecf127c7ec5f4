internal import Layers
package import TensorCore

/// The Compress & Attend Transformer of one chunk size, in its packed layout.
///
/// There are no separators: the vector of a finished chunk predicts the first token of the next one, and a learned
/// dummy stands before the first chunk.
///
/// - Source: `cat_transformer.py` of the authors' reference code.
package final class FixedCATModel: LanguageModel {
  package let config: ModelConfig
  package let parameters: ParameterStore
  package let head: Tensor

  private let network: CATConfig
  private let chunkSize: Int
  private let compressor: Compressor
  private let embeddings: Tensor
  private let dummy: Tensor
  private let blocks: [TransformerBlock]
  private let finalNorm: Tensor
  private let rotary: RotaryTable

  package init(_ fields: FixedCATConfig, isTrained: Bool, backend: any Backend) {
    let network = fields.network
    let store = ParameterStore(Self.specs(fields, scheme: .fla), isTrained: isTrained, backend: backend)
    self.network = network
    chunkSize = fields.chunkSize
    config = ModelConfig(fields)
    parameters = store
    compressor = Compressor(network, parameters: store, backend: backend)
    embeddings = store["model.embeddings.weight"]
    dummy = store["model.dummy_fx.weight"]
    blocks = (0..<network.layerCount).map {
      TransformerBlock(network.decoderShape, names: CATModel.names($0), parameters: store)
    }
    finalNorm = store["model.norm.weight"]
    head = store.optional("lm_head.weight") ?? embeddings
    rotary = RotaryTable(
      positionCount: fields.chunkSize + 1, headWidth: network.decoderShape.headWidth,
      base: Float(network.rotaryBase), backend: backend)
  }

  /// All parameters in their order in memory.
  package static func specs(_ fields: FixedCATConfig, scheme: InitializationScheme) -> [ParameterSpec] {
    let network = fields.network
    let width = network.hiddenSize
    let weight = scheme.weight(width: width, range: network.initializerRange)
    let initializer = BlockInitializer(
      weight: weight,
      branchOutput: scheme.branchOutput(
        width: width, layerCount: network.layerCount, range: network.initializerRange))
    var specs = Compressor.specs(network, scheme: scheme)
    specs += [
      ParameterSpec("model.embeddings.weight", [network.vocabularySize, width], weight),
      ParameterSpec("model.dummy_fx.weight", [1, width], weight),
    ]
    for layer in 0..<network.layerCount {
      specs += TransformerBlock.specs(network.decoderShape, names: CATModel.names(layer), initializer: initializer)
    }
    specs.append(ParameterSpec("model.norm.weight", [width], .constant(1)))
    if !network.tiesEmbeddings {
      specs.append(ParameterSpec("lm_head.weight", [network.vocabularySize, width], weight))
    }
    return specs
  }

  package func hidden(_ input: ModelInput, tape: Tape) -> Tensor {
    precondition(input.chunkSize == chunkSize, "chunk size \(input.chunkSize) of a model that has \(chunkSize)")
    precondition(
      input.length <= network.maximumLength, "\(input.length) tokens of at most \(network.maximumLength)")
    let layout = ChunkLayout(sampleCount: input.sampleCount, length: input.length, chunkSize: chunkSize)
    var stream = ResidualStream(decoderInput(input, layout: layout, tape: tape))
    let outputRows = tape.indices(layout.outputRows)
    let keptRows = input.positions.map { tape.gather(outputRows, at: $0) } ?? outputRows
    let attention = network.decoderShape.attention(layout.pattern, sequenceCount: input.sampleCount)
    for (index, block) in blocks.enumerated() {
      let isLast = index == blocks.count - 1
      stream = block(
        stream, attention: attention, rotary: rotary, keptRows: isLast ? keptRows : nil, tape: tape)
    }
    return TransformerBlock.norm(stream, weight: finalNorm, epsilon: Float(network.normEpsilon), tape: tape).normed
  }

  package func makeDecoding(
    sequenceCount: Int, length: Int, chunkSize: Int, backend: any Backend
  ) -> any Decoding {
    precondition(chunkSize == self.chunkSize, "chunk size \(chunkSize) of a model that has \(self.chunkSize)")
    let decoder = CATDecoder(
      compressor: compressor, embeddings: embeddings, start: (dummy, 0), separator: nil, blocks: blocks,
      rotary: rotary, finalNorm: finalNorm, normEpsilon: Float(network.normEpsilon))
    return CATDecoding(
      decoder, sequenceCount: sequenceCount, length: length, chunkSize: chunkSize, backend: backend)
  }

  private func decoderInput(_ input: ModelInput, layout: ChunkLayout, tape: Tape) -> Tensor {
    func rows(_ recipe: some IndexRecipe) -> RowSelection { RowSelection(tape.indices(recipe)) }
    let compressed = compressor(
      tape.gather(input.ids, at: tape.indices(layout.fullChunkPositions)),
      chunkIndices: tape.indices(layout.fullChunkIndices), chunkSize: chunkSize, tape: tape)  // [B·F, D]
    return tape.assemble(
      count: layout.rowCount, dtype: tape.types.residual,
      [
        RowSource(dummy, rows: rows(IndexRuns(repeating: 0, count: layout.sampleCount)), to: rows(layout.dummyRows)),
        RowSource(compressed, rows: .all, to: rows(layout.chunkRows)),
        RowSource(
          embeddings, rows: RowSelection(tape.gather(input.ids, at: tape.indices(layout.tokenPositions))),
          to: RowSelection(from: layout.firstLocalRow), frozenRow: network.paddingID.map(Int32.init)),
      ])
  }
}
