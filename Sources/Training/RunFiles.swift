internal import Checkpoints
internal import Models
internal import Optimizers
internal import Settings
internal import TensorCore

/// Names of the optimizer's tensors: as in a PyTorch optimizer's state.
private enum MomentPrefix {
  static let first = "exp_avg."
  static let second = "exp_avg_sq."
}

/// A run's weights, moments and state on their way to and from its checkpoints.
struct RunFiles {
  let directory: RunDirectory
  let model: any LanguageModel
  let optimizer: AdamW
  let config: RunConfig

  /// Writes a checkpoint, then removes those that need not be kept.
  func write(_ state: TrainerState) throws -> WrittenCheckpoint {
    let parameters = model.parameters
    let written = try parameters.weights.withBytes { weights in
      try optimizer.firstMoments.withBytes { first in
        try optimizer.secondMoments.withBytes { second in
          let contents = unsafe CheckpointContents(
            modelConfig: config.model.huggingFace, generationConfig: config.model.generationConfig,
            weights: parameters.named(weights),
            optimizer: parameters.named(first, prefix: MomentPrefix.first)
              + parameters.named(second, prefix: MomentPrefix.second),
            state: state, extraFiles: [RunConfig.fileInCheckpoint: Array(config.resolved.yaml().utf8)])
          return try directory.checkpoints.write(contents, shardBytes: config.checkpoint.shardBytes)
        }
      }
    }
    try directory.checkpoints.prune(
      keepLast: config.checkpoint.keepLast, keepEvery: config.checkpoint.keepEvery, written: written)
    return written
  }

  /// Fills weights and moments from a checkpoint of this run.
  func read(_ checkpoint: CheckpointDirectory) throws -> TrainerState {
    guard let state = checkpoint.state, let moments = checkpoint.optimizer else {
      throw TrainerError.notResumable(checkpoint: checkpoint.path, missing: "trainer_state.json and optimizer tensors")
    }
    try requireSameRun(checkpoint)
    let (layout, path) = (model.parameters, checkpoint.path)
    try checkpoint.weights.copy(to: layout.weights, layout: layout, path: path)
    try moments.copy(to: optimizer.firstMoments, layout: layout, prefix: MomentPrefix.first, path: path)
    try moments.copy(to: optimizer.secondMoments, layout: layout, prefix: MomentPrefix.second, path: path)
    return state
  }

  /// Refuses a configuration under which the checkpoint's run would not be the same run.
  private func requireSameRun(_ checkpoint: CheckpointDirectory) throws {
    let path = checkpoint.path + "/" + RunConfig.fileInCheckpoint
    let before = try RunFile(path: path, overrides: []).root
    for key in Self.fixedKeys {
      let (found, expected) = (config.resolved.value(at: key), before.value(at: key))
      if let difference = Setting.firstDifference(found, expected, at: key) {
        throw TrainerError.incompatible(
          checkpoint: checkpoint.path, key: difference.key, found: difference.found, expected: difference.expected)
      }
    }
  }

  /// Keys that decide what is computed from which data; all others may change between resumes.
  private static let fixedKeys = [
    "model", "data.kind", "data.context", "data.train", "data.vocabulary_size", "data.lengths", "data.pairs",
    "train.seed", "train.batch_size", "train.accumulation", "train.chunk_sizes", "train.chunk_schedule",
    "train.chunk_weights",
  ]
}

extension Setting {
  /// The value under a path such as `train.seed`; null where there is none.
  func value(at path: String) -> Setting {
    path.split(separator: ".").reduce(self) { $0[String($1)] ?? .null }
  }

  /// The first key under which two values differ, depth first.
  static func firstDifference(
    _ found: Setting, _ expected: Setting, at path: String
  ) -> (key: String, found: String, expected: String)? {
    if case .mapping(let left) = found, case .mapping(let right) = expected {
      for key in left.map(\.key) + right.map(\.key).filter({ found[$0] == nil }) {
        let difference = firstDifference(found[key] ?? .null, expected[key] ?? .null, at: "\(path).\(key)")
        if let difference { return difference }
      }
      return nil
    }
    if found == expected || (found.numberValue != nil && found.numberValue == expected.numberValue) { return nil }
    return (path, found.json(pretty: false), expected.json(pretty: false))
  }
}
