package import JSON
internal import Layers
package import Settings
package import TensorCore

/// The fields of a CAT that has one chunk size: those of the adaptive one, less what chooses among sizes.
package struct FixedCATConfig: Hashable, Sendable {
  /// The widths of both networks; its chunk size is the only one.
  package let network: CATConfig

  package var chunkSize: Int { network.maximumChunkSize }
}

extension FixedCATConfig: ModelDefinition {
  package static let modelType = "cat_fixed"

  package init(_ reader: JSONReader) throws(JSONError) {
    network = try CATConfig(fixed: reader)
  }

  package static let declaration = SectionDeclaration.Kind(
    name: modelType, sentence: "A CAT of one chunk size, with a chunk's vector in the place of its tokens.",
    keys: CATConfig.fixedKeys.declarations(CATConfig()), ignored: CATConfig.ignoredFields)

  package var huggingFace: JSONValue {
    let adaptive = [
      "architectures", "max_chunk_size", "min_train_chunk_size", "model_type", "pad_to_multiple_of",
      "train_chunk_size_schedule",
    ]
    var entries = (network.huggingFace.entries ?? []).filter { !adaptive.contains($0.key) }
    entries.append(JSONValue.Entry(key: "chunk_size", value: .integer(chunkSize)))
    entries.append(JSONValue.Entry(key: "model_type", value: .text(Self.modelType)))
    return .mapping(entries.sorted { $0.key < $1.key })
  }

  package var vocabularySize: Int { network.vocabularySize }
  package var maximumLength: Int { network.maximumLength }
  package var beginID: Int? { network.beginID }
  package var endID: Int? { network.endID }
  package var paddingID: Int? { network.paddingID }
  package var chunkSizes: ClosedRange<Int>? { chunkSize...chunkSize }
  package var defaultChunkSizes: [Int] { [chunkSize] }

  package func specs(scheme: InitializationScheme) -> [ParameterSpec] {
    CATModel.specs(network, scheme: scheme)
  }

  package func makeModel(isTrained: Bool, backend: any Backend) -> any LanguageModel {
    CATModel(network, config: ModelConfig(self), isTrained: isTrained, backend: backend)
  }

  package func cost(of batch: BatchShape) -> ModelCost {
    var cost = ModelCost()
    let layout = ChunkLayout(sampleCount: batch.sampleCount, length: batch.length, chunkSize: chunkSize)
    network.addCompressor(to: &cost, chunkCount: batch.sampleCount * layout.fullChunkCount, chunkSize: chunkSize)
    let shape = network.decoderShape
    let attention = shape.attention(layout.pattern, sequenceCount: batch.sampleCount)
    for layer in 0..<network.layerCount {
      let isLast = layer == network.layerCount - 1
      cost.addBlock(
        shape, attention: attention, deadQueryCount: isLast ? batch.sampleCount : 0,
        keptRowCount: isLast ? batch.targetCount : attention.rowCount)
    }
    cost.add(batch.targetCount, vocabularySize, network.hiddenSize)
    return cost
  }

  /// Keys and values of the dummy or one vector for each chunk, and of the current chunk's tokens but its last.
  package func cacheCount(length: Int, chunkSize: Int) -> Int {
    let slotCount = (length + chunkSize - 1) / chunkSize + max(chunkSize - 1, 1)
    return 2 * network.layerCount * network.decoderShape.keyValueWidth * slotCount
  }

  package var referenceTensors: [ReferenceTensor] { network.referenceTensors }
}
