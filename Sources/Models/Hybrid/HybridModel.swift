internal import Layers
package import TensorCore

/// A transformer whose layers are a list: dense attention, a sliding window, or CAT as a layer.
package final class HybridModel: LanguageModel {
  package let config: ModelConfig
  package let parameters: ParameterStore
  package let head: Tensor

  enum Block {
    case plain(TransformerBlock)
    case chunked(ChunkedBlock)
  }

  let fields: HybridConfig
  let embeddings: Tensor
  let blocks: [Block]
  let rotary: RotaryTable
  private let finalNorm: Tensor

  package init(_ fields: HybridConfig, isTrained: Bool, backend: any Backend) {
    let store = ParameterStore(Self.specs(fields, scheme: .fla), isTrained: isTrained, backend: backend)
    let shape = fields.base.blockShape
    self.fields = fields
    config = ModelConfig(fields)
    parameters = store
    embeddings = store["model.embed_tokens.weight"]
    blocks = fields.layers.indices.map { layer in
      let names = HybridConfig.names(layer)
      guard let chunked = fields.chunkedShape(layer) else {
        return .plain(TransformerBlock(shape, names: names, parameters: store))
      }
      return .chunked(
        ChunkedBlock(
          shape, names: names, attention: chunked, attentionNames: HybridConfig.chunkedNames(layer),
          parameters: store))
    }
    finalNorm = store["model.norm.weight"]
    head = store.optional("lm_head.weight") ?? embeddings
    // A chunk's rows have positions 0...C, and C may be as large as the longest sequence.
    rotary = RotaryTable(
      positionCount: fields.maximumLength + 1, headWidth: shape.headWidth, base: Float(fields.base.rotaryBase),
      backend: backend)
  }

  /// All parameters in their order in memory.
  package static func specs(_ fields: HybridConfig, scheme: InitializationScheme) -> [ParameterSpec] {
    let base = fields.base
    let width = base.hiddenSize
    let weight = scheme.weight(width: width, range: base.initializerRange)
    let initializer = BlockInitializer(
      weight: weight,
      branchOutput: scheme.branchOutput(width: width, layerCount: base.layerCount, range: base.initializerRange))
    var specs = [ParameterSpec("model.embed_tokens.weight", [base.vocabularySize, width], weight)]
    for layer in fields.layers.indices {
      let names = HybridConfig.names(layer)
      if let chunked = fields.chunkedShape(layer) {
        specs += ChunkedBlock.specs(
          base.blockShape, names: names, attention: chunked, attentionNames: HybridConfig.chunkedNames(layer),
          initializer: initializer)
      } else {
        specs += TransformerBlock.specs(base.blockShape, names: names, initializer: initializer)
      }
    }
    specs.append(ParameterSpec("model.norm.weight", [width], .constant(1)))
    if !base.tiesEmbeddings {
      specs.append(ParameterSpec("lm_head.weight", [base.vocabularySize, width], weight))
    }
    return specs
  }

  package func hidden(_ input: ModelInput, tape: Tape) -> Tensor {
    if let allowed = fields.chunkSizes {
      precondition(allowed.contains(input.chunkSize), "chunk size \(input.chunkSize) of \(allowed)")
    }
    precondition(
      input.length <= fields.maximumLength, "\(input.length) tokens of at most \(fields.maximumLength)")
    let tokens = RowSource(
      embeddings, rows: RowSelection(input.ids), to: .all, frozenRow: fields.paddingID.map(Int32.init))
    var stream = ResidualStream(tape.assemble(count: input.ids.count, dtype: tape.types.residual, [tokens]))
    for (index, layer) in fields.layers.enumerated() {
      let keptRows = index == blocks.count - 1 ? input.positions : nil
      switch blocks[index] {
      case .plain(let block):
        let attention = fields.base.blockShape.attention(
          layer.pattern(length: input.length), sequenceCount: input.sampleCount)
        stream = block(stream, attention: attention, rotary: rotary, keptRows: keptRows, tape: tape)
      case .chunked(let block):
        let chunkSize = layer.chunkSize(ofCall: input.chunkSize) ?? 1
        let layout = ChunkLayout(sampleCount: input.sampleCount, length: input.length, chunkSize: chunkSize)
        stream = block(stream, layout: layout, rotary: rotary, keptRows: keptRows, tape: tape)
      }
    }
    return normed(stream, tape: tape)
  }

  /// The stream after the final norm.
  func normed(_ stream: ResidualStream, tape: Tape) -> Tensor {
    TransformerBlock.norm(
      stream, weight: finalNorm, epsilon: fields.base.blockShape.normEpsilon, tape: tape
    ).normed
  }

  package func makeDecoding(
    sequenceCount: Int, length: Int, chunkSize: Int, backend: any Backend
  ) -> any Decoding {
    if let allowed = fields.chunkSizes {
      precondition(allowed.contains(chunkSize), "chunk size \(chunkSize) of \(allowed)")
    }
    return HybridDecoding(
      self, sequenceCount: sequenceCount, length: length, chunkSize: chunkSize, backend: backend)
  }
}

extension HybridLayer {
  /// What a layer without chunks lets a sequence see.
  func pattern(length: Int) -> AttentionPattern {
    if case .window(let size) = self { .window(length: length, size: size) } else { .causal(length: length) }
  }
}
