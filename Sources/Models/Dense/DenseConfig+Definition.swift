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
