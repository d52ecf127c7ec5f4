internal import JSON
package import TensorCore

extension DenseConfig: ModelDefinition {
  package static let modelType = "llama"

  /// The head norms of `transformers` have the epsilon of its other norms.
  package var unpublishedField: String? {
    let epsilon = blockShape.headNormEpsilon
    guard hasHeadNorm, Float(normEpsilon) != epsilon else { return nil }
    return "qk_norm and rms_norm_eps \(normEpsilon) (\(epsilon) could be)"
  }

  package func specs(scheme: InitializationScheme) -> [ParameterSpec] { DenseModel.specs(self, scheme: scheme) }

  package func makeModel(isTrained: Bool, backend: any Backend) -> any LanguageModel {
    DenseModel(self, isTrained: isTrained, backend: backend)
  }

  package func cost(of batch: BatchShape) -> ModelCost {
    var cost = ModelCost()
    let attention = blockShape.attention(.causal(length: batch.length), sequenceCount: batch.sampleCount)
    for layer in 0..<layerCount {
      let isLast = layer == layerCount - 1
      cost.addBlock(
        blockShape, attention: attention, keptRowCount: isLast ? batch.targetCount : attention.rowCount)
    }
    cost.add(batch.targetCount, vocabularySize, hiddenSize)
    return cost
  }

  /// Keys and values of every token.
  package func cacheCount(length: Int, chunkSize: Int) -> Int {
    2 * layerCount * blockShape.keyValueWidth * length
  }

  package var referenceTensors: [ReferenceTensor] {
    var tensors = [ReferenceTensor("wte.weight", ["model.embed_tokens.weight"])]
    for layer in 0..<layerCount {
      tensors += ReferenceTensor.block("layers.\(layer)", DenseModel.names(layer), hasHeadNorm: hasHeadNorm)
    }
    return tensors + [
      ReferenceTensor("norm.weight", ["model.norm.weight"]),
      ReferenceTensor("output.weight", [tiesEmbeddings ? "model.embed_tokens.weight" : "lm_head.weight"]),
    ]
  }
}

extension DenseConfig {
  /// The model of `transformers` that computes the same.
  ///
  /// Biases of queries, keys and values are Qwen 2's, head norms Qwen 3's, whose epsilon is that of the other norms. With
  /// both, Qwen 3 has a bias in the output projection as well: of zeros.
  package var published: PublishedModel {
    var config = huggingFace.removing("qk_norm").with([
      ("attention_dropout", .number(0)), ("head_dim", .integer(blockShape.headWidth)),
      ("rope_parameters", ["rope_theta": .number(rotaryBase), "rope_type": "default"]), ("use_cache", .flag(true)),
    ])
    guard hasHeadNorm || hasProjectionBias else {
      return PublishedModel(config: config.with([("mlp_bias", .flag(false))]))
    }
    config = config.with([
      ("architectures", .list([.text(hasHeadNorm ? "Qwen3ForCausalLM" : "Qwen2ForCausalLM")])),
      ("model_type", .text(hasHeadNorm ? "qwen3" : "qwen2")), ("use_sliding_window", .flag(false)),
    ])
    guard hasHeadNorm else { return PublishedModel(config: config.removing("attention_bias")) }
    let biases = (0..<layerCount).map {
      ParameterSpec("model.layers.\($0).self_attn.o_proj.bias", [hiddenSize], .constant(0))
    }
    return PublishedModel(config: config, zeros: hasProjectionBias ? biases : [])
  }
}

extension JSONValue {
  fileprivate func removing(_ key: String) -> JSONValue {
    .mapping((entries ?? []).filter { $0.key != key })
  }

  /// The mapping with these entries in place of those of the same keys, sorted.
  fileprivate func with(_ changes: [(String, JSONValue)]) -> JSONValue {
    let kept = (entries ?? []).filter { entry in !changes.contains { $0.0 == entry.key } }
    return .mapping((kept + changes.map { Entry(key: $0.0, value: $0.1) }).sorted { $0.key < $1.key })
  }
}
