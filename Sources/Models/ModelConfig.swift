package import Settings
package import TensorCore

/// Which model, with all of its fields: the `model` section of a run file or a `config.json`.
package enum ModelConfig: Hashable, Sendable {
  case cat(CATConfig)
  case dense(DenseConfig)

  private enum Kind: String, CaseIterable {
    case cat
    case llama
  }

  /// Reads `model_type` and the fields that go with it; refuses fields that the model does not have.
  package init(_ reader: SettingsReader) throws(SettingsError) {
    let kind: Kind = try reader.choice("model_type", default: .cat)
    switch kind {
    case .cat: self = .cat(try CATConfig(reader))
    case .llama: self = .dense(try DenseConfig(reader))
    }
  }

  /// The content of `config.json`.
  package var huggingFace: Setting {
    switch self {
    case .cat(let config): config.huggingFace
    case .dense(let config): config.huggingFace
    }
  }

  package var vocabularySize: Int {
    switch self {
    case .cat(let config): config.vocabularySize
    case .dense(let config): config.vocabularySize
    }
  }

  /// Most tokens that a sequence may have.
  package var maximumLength: Int {
    switch self {
    case .cat(let config): config.maximumLength
    case .dense(let config): config.maximumLength
    }
  }

  /// Chunk sizes that the model can run at; nil if it has none.
  package var chunkSizes: ClosedRange<Int>? {
    switch self {
    case .cat(let config): 1...config.maximumChunkSize
    case .dense: nil
    }
  }

  /// Chunk sizes that training draws from unless told otherwise: powers of two from `min_train_chunk_size`.
  package var defaultChunkSizes: [Int] {
    guard case .cat(let config) = self else { return [1] }
    return (0..<Int.bitWidth - 1).map { 1 << $0 }.filter {
      (config.minimumTrainChunkSize...config.maximumChunkSize).contains($0)
    }
  }

  /// The model with memory for its weights, not yet initialised.
  ///
  /// - Parameter isTrained: whether there is memory for gradients.
  package func makeModel(isTrained: Bool, backend: any Backend) -> any LanguageModel {
    switch self {
    case .cat(let config): CATModel(config, isTrained: isTrained, backend: backend)
    case .dense(let config): DenseModel(config, isTrained: isTrained, backend: backend)
    }
  }
}

extension ModelConfig {
  /// The content of `generation_config.json`.
  package var generationConfig: Setting {
    let (begin, end, padding) =
      switch self {
      case .cat(let config): (config.beginID, config.endID, config.paddingID)
      case .dense(let config): (config.beginID, config.endID, config.paddingID)
      }
    let fields = [("bos_token_id", begin), ("eos_token_id", end), ("pad_token_id", padding)]
    return .mapping(
      [Setting.Entry(key: "_from_model_config", value: .flag(true))]
        + fields.compactMap { name, id in id.map { Setting.Entry(key: name, value: .integer($0)) } })
  }

  /// All parameters in their order in memory, with how their first values are made.
  package func specs(scheme: InitializationScheme) -> [ParameterSpec] {
    switch self {
    case .cat(let config): CATModel.specs(config, scheme: scheme)
    case .dense(let config): DenseModel.specs(config, scheme: scheme)
    }
  }
}
