package import Checkpoints
internal import Models
internal import Settings
package import TensorCore

extension CheckpointDirectory {
  /// Writes the model alone as a directory that Hugging Face's `from_pretrained` reads.
  ///
  /// - Parameters:
  ///   - target: a directory that is not there yet.
  ///   - type: how the weights are stored; the half types are rounded to nearest even.
  ///   - shardBytes: bytes of tensors that a file may hold.
  package func export(
    to target: String, as type: ElementType, shardBytes: Int, backend: any Backend
  ) throws {
    let model = try makeModel(backend: backend)
    if let field = model.config.definition.unpublishedField {
      throw TrainerError.notExportable(checkpoint: path, type: model.config.modelType, field: field)
    }
    let counter: [Int64] = [0]
    try counter.withUnsafeBytes { counterBytes in
      try model.parameters.weights.withBytes { bytes in
        var weights = unsafe model.parameters.named(bytes, storedAs: type)
        if model.config.definition is CATConfig {
          // A buffer of the published implementation: which chunk size its round-robin schedule is at.
          weights.append(
            unsafe NamedTensor(
              name: "model._train_chunk_size_step", type: .int64, shape: [], bytes: counterBytes))
        }
        let export = ModelExport(
          config: model.config.huggingFace.replacing("dtype", by: .text(type.torchName)),
          generationConfig: model.config.generationConfig, weights: weights)
        try export.write(to: target, shardBytes: shardBytes)
      }
    }
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

extension Setting {
  fileprivate func replacing(_ key: String, by value: Setting) -> Setting {
    .mapping((entries ?? []).map { $0.key == key ? Entry(key: key, value: value) : $0 })
  }
}
