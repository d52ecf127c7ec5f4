package import JSON
internal import Layers
package import TensorCore

extension HybridConfig: ModelDefinition {
  package static let modelType = "hybrid"

  package var vocabularySize: Int { base.vocabularySize }
  package var maximumLength: Int { base.maximumLength }
  package var beginID: Int? { base.beginID }
  package var endID: Int? { base.endID }
  package var paddingID: Int? { base.paddingID }
  package var chunkSizes: ClosedRange<Int>? { maximumChunkSize.map { 1...$0 } }

  /// Powers of two from 2.
  package var defaultChunkSizes: [Int] {
    guard let maximumChunkSize else { return [1] }
    return (0..<Int.bitWidth - 1).map { 1 << $0 }.filter {
      (min(2, maximumChunkSize)...maximumChunkSize).contains($0)
    }
  }

  package var huggingFace: JSONValue {
    var entries = (base.huggingFace.entries ?? []).filter { !["architectures", "model_type"].contains($0.key) }
    entries.append(JSONValue.Entry(key: "layers", value: .list(layers.map(\.setting))))
    if let maximumChunkSize {
      entries.append(JSONValue.Entry(key: "max_chunk_size", value: .integer(maximumChunkSize)))
    }
    entries.append(JSONValue.Entry(key: "model_type", value: .text(Self.modelType)))
    return .mapping(entries.sorted { $0.key < $1.key })
  }

  package func specs(scheme: InitializationScheme) -> [ParameterSpec] { HybridModel.specs(self, scheme: scheme) }

  package func makeModel(isTrained: Bool, backend: any Backend) -> any LanguageModel {
    HybridModel(self, isTrained: isTrained, backend: backend)
  }

  package func cost(of batch: BatchShape) -> ModelCost {
    var cost = ModelCost()
    let rowCount = batch.sampleCount * batch.length
    for (index, layer) in layers.enumerated() {
      let keptCount = index == layers.count - 1 ? batch.targetCount : rowCount
      if let shape = chunkedShape(index) {
        let chunkSize = layer.chunkSize(ofCall: batch.chunkSize) ?? 1
        let layout = ChunkLayout(sampleCount: batch.sampleCount, length: batch.length, chunkSize: chunkSize)
        addChunked(shape, layout: layout, keptRowCount: keptCount, to: &cost)
      } else {
        cost.addBlock(
          base.blockShape,
          attention: base.blockShape.attention(layer.pattern(length: batch.length), sequenceCount: batch.sampleCount),
          keptRowCount: keptCount)
      }
    }
    cost.add(batch.targetCount, vocabularySize, base.hiddenSize)
    return cost
  }

  private func addChunked(
    _ shape: ChunkedAttentionShape, layout: ChunkLayout, keptRowCount: Int, to cost: inout ModelCost
  ) {
    let (D, E) = (shape.width, shape.innerWidth)
    cost.add(layout.sampleCount * layout.fullChunkCount, E, layout.chunkSize * D)
    cost.add(layout.sampleCount * layout.localCount, E, D)
    // Nobody reads what the dummy's query finds, which is the dummy alone.
    cost.add(layout.rowCount, 2 * E, E)
    cost.add(layout.rowCount - layout.sampleCount, E, E)
    cost.addScores(layout.sampleCount * (layout.pattern.scoreCount(dropsFirstQueries: false) - 1), width: E)
    cost.add(keptRowCount, E, E)
    cost.add(keptRowCount, D, E)
    cost.addFeedForward(base.blockShape, rowCount: keptRowCount)
  }

  /// Keys and values of what each layer still sees; a CAT layer also has the sum so far of its chunk's vector.
  package func cacheCount(length: Int, chunkSize: Int) -> Int {
    let keyValueWidth = base.blockShape.keyValueWidth
    return layers.indices.reduce(0) { sum, index in
      switch layers[index] {
      case .dense:
        return sum + 2 * keyValueWidth * length
      case .window(let size):
        return sum + 2 * keyValueWidth * min(size, length)
      case .cat(_, let innerWidth, _), .adaptiveCAT(let innerWidth, _):
        let size = layers[index].chunkSize(ofCall: chunkSize) ?? 1
        return sum + innerWidth * (2 * ((length + size - 1) / size + max(size - 1, 1)) + 1)
      }
    }
  }

  package var referenceTensors: [ReferenceTensor] {
    var tensors = [ReferenceTensor("wte.weight", ["model.embed_tokens.weight"])]
    for layer in layers.indices {
      let (prefix, names) = ("layers.\(layer)", Self.names(layer))
      tensors +=
        chunkedShape(layer) == nil
        ? ReferenceTensor.block(prefix, names, hasHeadNorm: base.hasHeadNorm)
        : [ReferenceTensor("\(prefix).attention_norm.weight", [names.attentionNorm])]
          + ReferenceTensor.chunkedAttention(
            "\(prefix).attention", Self.chunkedNames(layer), hasHeadNorm: base.hasHeadNorm)
          + ReferenceTensor.feedForward(prefix, names)
    }
    return tensors + [
      ReferenceTensor("norm.weight", ["model.norm.weight"]),
      ReferenceTensor("output.weight", [base.tiesEmbeddings ? "model.embed_tokens.weight" : "lm_head.weight"]),
    ]
  }
}

extension ReferenceTensor {
  /// The tensors of a CAT layer's attention.
  fileprivate static func chunkedAttention(
    _ prefix: String, _ names: ChunkedAttentionNames, hasHeadNorm: Bool
  ) -> [ReferenceTensor] {
    [
      ReferenceTensor("\(prefix).dummy_fx.weight", [names.dummies]),
      ReferenceTensor("\(prefix).expand.weight", [names.expansion]),
      ReferenceTensor("\(prefix).compressor.weight", [names.compression]),
      ReferenceTensor("\(prefix).compressor.bias", [names.compressionBias]),
      ReferenceTensor("\(prefix).attention.wqkv.weight", names.projections),
    ]
      + (hasHeadNorm
        ? [
          ReferenceTensor("\(prefix).attention.q_norm.weight", [names.queryNorm]),
          ReferenceTensor("\(prefix).attention.k_norm.weight", [names.keyNorm]),
        ] : [])
      + [
        ReferenceTensor("\(prefix).attention.wo.weight", [names.innerOutput]),
        ReferenceTensor("\(prefix).final_proj.weight", [names.output]),
      ]
  }
}
