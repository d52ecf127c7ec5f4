package import Checkpoints
internal import Logging
internal import ModelIO
package import Models
package import Optimizers
internal import Settings
internal import Telemetry
internal import TensorCore

extension AdamW.Moment {
  /// What stands before a parameter's name: as in a PyTorch optimizer's state.
  var tensorPrefix: String {
    switch self {
    case .first: "exp_avg."
    case .second: "exp_avg_sq."
    }
  }
}

/// A run's weights, moments and state on their way to and from its checkpoints.
package struct RunFiles {
  package let directory: RunDirectory
  let model: any LanguageModel
  let optimizer: AdamW
  let config: RunConfig
  /// Where the moments come from if other ranks have a part of them.
  let shardedMoments: ShardedMoments?
  /// The tokenizer's files, by name.
  let tokenizerFiles: [String: [UInt8]]

  package init(directory: RunDirectory, model: any LanguageModel, optimizer: AdamW, config: RunConfig) {
    self.init(directory: directory, model: model, optimizer: optimizer, config: config, shardedMoments: nil)
  }

  init(
    directory: RunDirectory, model: any LanguageModel, optimizer: AdamW, config: RunConfig,
    shardedMoments: ShardedMoments?, tokenizerFiles: [String: [UInt8]] = [:]
  ) {
    self.directory = directory
    self.model = model
    self.optimizer = optimizer
    self.config = config
    self.shardedMoments = shardedMoments
    self.tokenizerFiles = tokenizerFiles
  }

  /// The files that take the run's records, each as far as its lines are whole: `metrics.jsonl`, what TensorBoard reads,
  /// and the log.
  func openSinks(_ logging: LoggingConfig, log: RunLogFile?, logger: Logger) throws -> [MetricsLog] {
    var sinks: [any RecordSink] = [try JSONLinesFile(path: directory.metricsPath)]
    if logging.writesEvents { sinks.append(try EventFile(directory: directory.path)) }
    if let log {
      try log.open()
      sinks.append(log)
    }
    return sinks.map { MetricsLog($0, logger: logger) }
  }

  /// Bytes of weights and moments.
  package var tensorBytes: Int { buffers.reduce(0) { $0 + $1.count * $1.dtype.byteCount } }

  private var buffers: [Tensor] { [model.parameters.weights, optimizer.firstMoments, optimizer.secondMoments] }

  /// Writes a checkpoint from the run's own memory and what other ranks send, then removes those that need not be kept.
  ///
  /// - Parameters:
  ///   - isLast: whether a full disk is to be made room on by all means.
  ///   - verified: checkpoints that are known to be intact.
  @discardableResult
  func write(
    _ state: TrainerState, isLast: Bool = false, verified: VerifiedCheckpoints = VerifiedCheckpoints()
  ) throws(CheckpointError) -> SavedCheckpoint {
    try withTensors { (weights, moments) throws(CheckpointError) in
      let contents = unsafe contents(state, weights, optimizer: moments)
      return try SavedCheckpoint(
        writing: contents, in: directory.checkpoints, as: config.checkpoint, isLast: isLast, verified: verified)
    }
  }

  /// Lends the weights, and the moments under their names.
  private func withTensors(
    _ body: (UnsafeRawBufferPointer, [NamedTensor]) throws(CheckpointError) -> SavedCheckpoint
  ) throws(CheckpointError) -> SavedCheckpoint {
    try model.parameters.weights.withReadView { (weights) throws(CheckpointError) in
      if let shardedMoments { return try unsafe body(weights, shardedMoments.named(model.parameters)) }
      return try optimizer.firstMoments.withReadView { (first) throws(CheckpointError) in
        try optimizer.secondMoments.withReadView { (second) throws(CheckpointError) in
          try unsafe body(weights, named(first, second))
        }
      }
    }
  }

  /// What a checkpoint of now holds, with weights and moments copied into `snapshot`, which must outlive the result.
  func contents(_ state: TrainerState, copiedTo snapshot: SnapshotMemory) -> CheckpointContents {
    let parts = unsafe copy(to: snapshot)
    return unsafe contents(state, parts[0], optimizer: named(parts[1], parts[2]))
  }

  /// Copies weights and moments one after the other.
  ///
  /// - Returns: where they are in `snapshot`.
  @discardableResult
  package func copy(to snapshot: SnapshotMemory) -> [UnsafeRawBufferPointer] {
    var start = 0
    return buffers.map { buffer in
      let range = buffer.range
      let part = unsafe UnsafeMutableRawBufferPointer(rebasing: snapshot.bytes[start..<start + range.byteCount])
      unsafe buffer.storage.memory.download(range, to: part)
      start += range.byteCount
      return UnsafeRawBufferPointer(part)
    }
  }

  private func named(
    _ first: UnsafeRawBufferPointer, _ second: UnsafeRawBufferPointer
  ) -> [NamedTensor] {
    let layout = model.parameters
    return unsafe layout.named(first, prefix: AdamW.Moment.first.tensorPrefix)
      + layout.named(second, prefix: AdamW.Moment.second.tensorPrefix)
  }

  private func contents(
    _ state: TrainerState, _ weights: UnsafeRawBufferPointer, optimizer: [NamedTensor]
  ) -> CheckpointContents {
    var extraFiles = tokenizerFiles
    extraFiles[CheckpointDirectory.runConfigName] = Array(config.resolved.yaml().utf8)
    return unsafe CheckpointContents(
      modelConfig: config.model.huggingFace, generationConfig: config.model.generationConfig,
      weights: model.parameters.named(weights), optimizer: optimizer, state: state,
      extraFiles: extraFiles)
  }
}
