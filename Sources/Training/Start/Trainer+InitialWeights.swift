internal import Checkpoints
internal import Foundation
internal import JSON
internal import ModelIO
internal import Models
internal import Telemetry

extension Trainer {
  /// Begins with the weights of another model of the same kind and sizes, and with nothing else of it.
  ///
  /// - Parameter path: a checkpoint or a directory from PyTorch; or a run, whose newest checkpoint counts.
  func loadInitialWeights(_ path: String) throws {
    guard FileManager.default.fileExists(atPath: path) else {
      throw JSONError.invalid(
        key: "train.initial_weights", found: "\(path), where nothing is",
        allowed: "the directory of a checkpoint, a run or a model of PyTorch")
    }
    let directory = try CheckpointDirectory.named(path) { warnOfPassedOver($0, $1) }
    let source = try ModelSource(directory)
    try requireSameModel(source.config, directory.path)
    try source.load(into: model.parameters, backend: backend)
    logger.info("beginning with given weights", fields: ["path": "\(directory.path)"])
  }

  /// Refuses a model that computes something else, even where the shapes of its tensors agree.
  private func requireSameModel(_ other: ModelConfig, _ path: String) throws {
    guard config.model.modelType == other.modelType else {
      throw TrainerError.otherModel(
        path: path, differences: ["model.model_type is \(config.model.modelType), theirs \(other.modelType)"])
    }
    let shapes = [config.model, other].map { $0.specs(scheme: .fla).map { [$0.name, "\($0.shape)"] } }
    let ignored = Self.fieldsOfTraining + (shapes[0] == shapes[1] ? ["max_position_embeddings"] : [])
    let differences = config.model.huggingFace.differences(from: other.huggingFace).filter { !ignored.contains($0.key) }
    guard !differences.isEmpty else { return }
    throw TrainerError.otherModel(
      path: path, differences: differences.map { "model.\($0.key) is \($0.first.json()), theirs \($0.second.json())" })
  }

  /// Fields of a model's configuration that do not change what it computes.
  private static let fieldsOfTraining = [
    "architectures", "dtype", "initializer_range", "pad_token_id", "bos_token_id", "eos_token_id",
    "min_train_chunk_size", "train_chunk_size_schedule", "pad_to_multiple_of", "use_cache",
  ]
}
