package import Checkpoints
internal import JSON
internal import Models
package import TensorCore

extension CheckpointDirectory {
  /// Writes the model alone: as a directory that Hugging Face's `from_pretrained` reads, where its kind is published.
  ///
  /// - Parameters:
  ///   - target: a directory that is not there yet.
  ///   - type: how the weights are stored; the half types are rounded to nearest even.
  ///   - shardBytes: bytes of tensors that a file may hold.
  /// - Returns: the class that reads it; nil if only this program does.
  @discardableResult
  package func export(
    to target: String, as type: ElementType, shardBytes: Int, backend: any Backend
  ) throws -> String? {
    let model = try makeModel(backend: backend)
    let published = try published(model.config)
    let zeros = [UInt8](repeating: 0, count: published.zeros.reduce(0) { max($0, $1.count) } * type.byteCount)
    let counter: [Int64] = [0]
    try unsafe zeros.withUnsafeBytes { zeros in
      try unsafe counter.withUnsafeBytes { counter in
        try unsafe model.parameters.weights.withReadView { bytes in
          var weights = unsafe model.parameters.named(bytes, storedAs: type)
          weights += published.zeros.map { spec in
            unsafe NamedTensor(
              name: spec.name, type: type, shape: spec.shape,
              bytes: .init(rebasing: zeros[..<(spec.count * type.byteCount)]))
          }
          weights += published.counters.map {
            unsafe NamedTensor(name: $0, type: .int64, shape: [], bytes: counter)
          }
          let export = ModelExport(
            config: published.config.replacing("dtype", by: .text(type.torchName)),
            generationConfig: model.config.generationConfig, weights: weights, extraFiles: tokenizers)
          try export.write(to: target, shardBytes: shardBytes)
        }
      }
    }
    return published.config["architectures"]?.listValue?.first?.textValue
  }

  private func published(_ config: ModelConfig) throws -> PublishedModel {
    if let field = config.definition.unpublishedField {
      throw ModelIOError.notExportable(path: path, type: config.modelType, field: field)
    }
    return config.definition.published
  }
}

extension ElementType {
  /// The name of the type in a `config.json`.
  fileprivate var torchName: String {
    switch self {
    case .bfloat16: "bfloat16"
    case .float16: "float16"
    default: "float32"
    }
  }
}

extension JSONValue {
  fileprivate func replacing(_ key: String, by value: JSONValue) -> JSONValue {
    .mapping((entries ?? []).map { $0.key == key ? Entry(key: key, value: value) : $0 })
  }
}
