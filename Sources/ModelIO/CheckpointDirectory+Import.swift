package import Checkpoints
internal import Foundation
internal import Models
package import TensorCore

extension CheckpointDirectory {
  /// What a tokenizer is stored in, beside a model.
  private static let tokenizerFiles = [
    "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "tokenizer.model",
    "vocab.json", "merges.txt", "chat_template.jinja",
  ]

  /// Tokenizer files of the directory, by name.
  package var tokenizers: [String: [UInt8]] {
    var files: [String: [UInt8]] = [:]
    for name in Self.tokenizerFiles {
      if let data = FileManager.default.contents(atPath: path + "/" + name) { files[name] = Array(data) }
    }
    return files
  }

  /// Writes the model as a checkpoint of this program, without an optimizer: our names, single precision.
  ///
  /// - Parameters:
  ///   - target: a directory that is not there yet.
  ///   - shardBytes: bytes of tensors that a file may hold.
  /// - Returns: the model's type, tensors read, and parameters.
  package func importModel(
    to target: String, shardBytes: Int, backend: any Backend
  ) throws -> (type: String, tensorCount: Int, parameterCount: Int) {
    let source = try ModelSource(self)
    let model = source.config.makeModel(isTrained: false, backend: backend)
    try source.load(into: model.parameters, backend: backend)
    try unsafe model.parameters.weights.withReadView { bytes in
      let imported = unsafe ModelExport(
        config: source.config.huggingFace, generationConfig: source.config.generationConfig,
        weights: model.parameters.named(bytes), extraFiles: tokenizers)
      try imported.write(to: target, shardBytes: shardBytes)
    }
    return (source.config.modelType, source.tensorCount, model.parameters.count)
  }
}
