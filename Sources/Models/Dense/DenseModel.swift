internal import Layers
package import TensorCore

/// A dense, Llama-style transformer: the baseline that CAT is compared with.
package final class DenseModel: LanguageModel {
  package let config: ModelConfig
  package let parameters: ParameterStore
  package let head: Tensor

  let fields: DenseConfig
  let embeddings: Tensor
  let stack: TransformerStack

  package init(_ fields: DenseConfig, isTrained: Bool, backend: any Backend) {
    let store = ParameterStore(Self.specs(fields, scheme: .fla), isTrained: isTrained, backend: backend)
    self.fields = fields
    config = ModelConfig(fields)
    parameters = store
    embeddings = store["model.embed_tokens.weight"]
    let rotary = RotaryTable(
      positionCount: fields.maximumLength, headWidth: fields.blockShape.headWidth, base: Float(fields.rotaryBase),
      backend: backend)
    stack = TransformerStack(
      fields.blockShape, names: (0..<fields.layerCount).map(Self.names), finalNorm: "model.norm.weight",
      rotary: rotary, parameters: store)
    head = store.optional("lm_head.weight") ?? embeddings
  }

  static func names(_ layer: Int) -> BlockNames {
    BlockNames(
      prefix: "model.layers.\(layer)", attention: ".self_attn", attentionNorm: "input_layernorm",
      mlpNorm: "post_attention_layernorm")
  }

  /// All parameters in their order in memory.
  package static func specs(_ fields: DenseConfig, scheme: InitializationScheme) -> [ParameterSpec] {
    fields.specs(scheme: scheme) { initializer in
      TransformerStack.specs(
        fields.blockShape, names: (0..<fields.layerCount).map(names), finalNorm: "model.norm.weight",
        initializer: initializer)
    }
  }

  package func hidden(_ input: ModelInput, tape: Tape) -> Tensor {
    let tokens = RowSource(
      embeddings, rows: RowSelection(input.ids), to: .all, frozenRow: fields.paddingID.map(Int32.init))
    let attention = AttentionCalls(
      input.sequences.groups.map { fields.blockShape.attention(.causal(length: $0.length), sequenceCount: $0.count) })
    return stack(
      tape.assemble(count: input.ids.count, dtype: tape.types.residual, [tokens]), keptRows: input.positions,
      tape: tape
    ) { _, _ in .patterns(attention) }
  }

  package func slotCounts(length: Int, chunkSize: Int) -> [Int] { [length] }

  package func makeDecodeState(_ room: DecodeRoom, backend: any Backend) -> any DecodeState {
    DenseDecodeState(self, room: room, backend: backend)
  }
}

extension DenseConfig {
  /// The parameters of a model of this width around its layers, whose list ends with the last norm.
  func specs(
    scheme: InitializationScheme, layers: (BlockInitializer) -> [ParameterSpec]
  ) -> [ParameterSpec] {
    let initializer = scheme.blocks(width: hiddenSize, layerCount: layerCount, range: initializerRange)
    func table(_ name: String) -> ParameterSpec {
      ParameterSpec(name, [vocabularySize, hiddenSize], initializer.weight)
    }
    return [table("model.embed_tokens.weight")] + layers(initializer)
      + (tiesEmbeddings ? [] : [table("lm_head.weight")])
  }
}
