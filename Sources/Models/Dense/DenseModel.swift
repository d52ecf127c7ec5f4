internal import Layers
package import TensorCore

/// A dense, Llama-style transformer: the baseline that CAT is compared with.
package final class DenseModel: LanguageModel {
  package let config: ModelConfig
  package let parameters: ParameterStore
  package let head: Tensor

  let embeddings: Tensor
  let blocks: [TransformerBlock]
  let rotary: RotaryTable
  private let finalNorm: Tensor
  let fields: DenseConfig

  package init(_ fields: DenseConfig, isTrained: Bool, backend: any Backend) {
    let store = ParameterStore(Self.specs(fields, scheme: .fla), isTrained: isTrained, backend: backend)
    self.fields = fields
    config = ModelConfig(fields)
    parameters = store
    embeddings = store["model.embed_tokens.weight"]
    blocks = (0..<fields.layerCount).map {
      TransformerBlock(fields.blockShape, names: Self.names($0), parameters: store)
    }
    finalNorm = store["model.norm.weight"]
    head = store.optional("lm_head.weight") ?? embeddings
    rotary = RotaryTable(
      positionCount: fields.maximumLength, headWidth: fields.blockShape.headWidth, base: Float(fields.rotaryBase),
      backend: backend)
  }

  static func names(_ layer: Int) -> BlockNames {
    BlockNames(
      prefix: "model.layers.\(layer)", attention: ".self_attn", attentionNorm: "input_layernorm",
      mlpNorm: "post_attention_layernorm")
  }

  /// All parameters in their order in memory.
  package static func specs(_ fields: DenseConfig, scheme: InitializationScheme) -> [ParameterSpec] {
    let width = fields.hiddenSize
    let weight = scheme.weight(width: width, range: fields.initializerRange)
    let initializer = BlockInitializer(
      weight: weight,
      branchOutput: scheme.branchOutput(width: width, layerCount: fields.layerCount, range: fields.initializerRange))
    var specs = [ParameterSpec("model.embed_tokens.weight", [fields.vocabularySize, width], weight)]
    for layer in 0..<fields.layerCount {
      specs += TransformerBlock.specs(fields.blockShape, names: names(layer), initializer: initializer)
    }
    specs.append(ParameterSpec("model.norm.weight", [width], .constant(1)))
    if !fields.tiesEmbeddings {
      specs.append(ParameterSpec("lm_head.weight", [fields.vocabularySize, width], weight))
    }
    return specs
  }

  package func hidden(_ input: ModelInput, tape: Tape) -> Tensor {
    let tokens = RowSource(
      embeddings, rows: RowSelection(input.ids), to: .all, frozenRow: fields.paddingID.map(Int32.init))
    var stream = ResidualStream(tape.assemble(count: input.ids.count, dtype: tape.types.residual, [tokens]))
    let attention = fields.blockShape.attention(.causal(length: input.length), sequenceCount: input.sampleCount)
    for (index, block) in blocks.enumerated() {
      let isLast = index == blocks.count - 1
      stream = block(
        stream, attention: attention, rotary: rotary, keptRows: isLast ? input.positions : nil, tape: tape)
    }
    return normed(stream, tape: tape)
  }

  /// The stream after the final norm.
  func normed(_ stream: ResidualStream, tape: Tape) -> Tensor {
    TransformerBlock.norm(stream, weight: finalNorm, epsilon: fields.blockShape.normEpsilon, tape: tape).normed
  }

  package func makeDecoding(
    sequenceCount: Int, length: Int, chunkSize: Int, backend: any Backend
  ) -> any Decoding {
    DenseDecoding(self, sequenceCount: sequenceCount, length: length, backend: backend)
  }
}
