internal import Layers
package import TensorCore

extension CATConfig: ModelDefinition {
  package static let modelType = "cat"

  package var chunkSizes: ClosedRange<Int>? { 1...maximumChunkSize }

  /// Powers of two from `min_train_chunk_size`.
  package var defaultChunkSizes: [Int] {
    (0..<Int.bitWidth - 1).map { 1 << $0 }.filter { (minimumTrainChunkSize...maximumChunkSize).contains($0) }
  }

  package var unpublishedField: String? {
    if compressorKeyValueHeadCount != compressorHeadCount { return "compressor_num_kv_heads" }
    if compressorHasHeadNorm { return "compressor_qk_norm" }
    return compressorIntermediateSize == nil ? nil : "compressor_intermediate_size"
  }

  /// The published implementation counts at which chunk size its round-robin schedule is.
  package var published: PublishedModel {
    PublishedModel(config: huggingFace, counters: ["model._train_chunk_size_step"])
  }

  package func specs(scheme: InitializationScheme) -> [ParameterSpec] { CATModel.specs(self, scheme: scheme) }

  package func makeModel(isTrained: Bool, backend: any Backend) -> any LanguageModel {
    CATModel(self, isTrained: isTrained, backend: backend)
  }

  package func cost(of batch: BatchShape) -> ModelCost {
    var cost = ModelCost()
    let layout = ChunkLayout(
      sampleCount: batch.sampleCount, length: batch.length, chunkSize: batch.chunkSize, hasSeparators: true)
    addCompressor(to: &cost, chunkCount: batch.sampleCount * layout.fullChunkCount, chunkSize: batch.chunkSize)
    for layer in 0..<layerCount {
      let isLast = layer == layerCount - 1
      let attention = decoderShape.attention(
        layout.pattern, sequenceCount: batch.sampleCount, dropsFirstQueries: isLast)
      cost.addBlock(
        decoderShape, attention: attention, keptRowCount: isLast ? batch.targetCount : attention.rowCount)
    }
    cost.add(batch.targetCount, vocabularySize, hiddenSize)
    return cost
  }

  /// Adds the compression of `chunkCount` chunks.
  func addCompressor(to cost: inout ModelCost, chunkCount: Int, chunkSize: Int) {
    for layer in 0..<compressorLayerCount {
      let isLast = layer == compressorLayerCount - 1
      let attention = compressorShape.attention(
        .blocks(leading: isAdaptive ? 2 : 1, length: chunkSize), sequenceCount: chunkCount,
        dropsFirstQueries: isLast)
      cost.addBlock(compressorShape, attention: attention, keptRowCount: attention.queryRows.count)
    }
    cost.add(chunkCount, hiddenSize, chunkSize * compressorHiddenSize)
  }

  /// Keys and values of one vector for each chunk and of the rows of the current chunk.
  package func cacheCount(length: Int, chunkSize: Int) -> Int {
    let slotCount = (length + chunkSize - 1) / chunkSize + max(chunkSize, 2)
    return 2 * layerCount * decoderShape.keyValueWidth * slotCount
  }
}

extension CATConfig {
  /// The rows of our tables of adaptive vectors that the reference code has: one for each power of two.
  var referenceAdaptiveRows: [Int] {
    (0..<Int.bitWidth - 1).map { 1 << $0 }.filter { $0 <= maximumChunkSize }
  }

  package var referenceTensors: [ReferenceTensor] {
    var tensors = Compressor.referenceTensors(self)
    tensors.append(ReferenceTensor("wte.weight", ["model.embeddings.weight"]))
    if isAdaptive {
      tensors.append(ReferenceTensor("seperator.weight", ["model.separator.weight"]))
      tensors.append(
        ReferenceTensor("dummy_fx.weight", ["model.adaptive_token.weight"], rows: referenceAdaptiveRows))
    } else {
      tensors.append(ReferenceTensor("dummy_fx.weight", ["model.dummy_fx.weight"]))
    }
    for (layer, names) in CATModel.names(self).enumerated() {
      tensors += ReferenceTensor.block("layers.\(layer)", names, hasHeadNorm: hasHeadNorm)
    }
    return tensors + [
      ReferenceTensor("norm.weight", ["model.norm.weight"]),
      ReferenceTensor("output.weight", [tiesEmbeddings ? "model.embeddings.weight" : "lm_head.weight"]),
    ]
  }
}
