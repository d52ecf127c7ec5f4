internal import Checkpoints
internal import Evaluation
package import Logging
internal import Models
internal import Optimizers
package import Parallel
internal import Settings
internal import Telemetry
package import TensorCore
internal import TokenData
internal import Tokenizers

/// Which checkpoint a run goes on from.
package enum ResumeChoice: Hashable, Sendable {
  /// The newest that verifies; a fresh start if there is none.
  case automatic
  case fresh
  case checkpoint(path: String)
}

/// What a run records about the machine that it is on.
package struct TrainerHost: Hashable, Sendable {
  /// Threads of a rank.
  package var threadCount: Int
  /// Whether the machine has a core for one more thread of each rank.
  package var hasSpareCore: Bool
  /// The kernels that BLAS chose.
  package var blasCore: String
  /// What the run is on, in a line for its log.
  package var summary: String
  /// How the user called the program, for commands that the log proposes.
  package var programName: String
  /// Memory that the machine has left for its ranks, in bytes; nil where it does not say.
  package var availableBytes: Int?
  /// Addresses that the limits of this rank's process leave, in bytes; nil where it has none.
  package var addressBytes: Int?

  package init(
    threadCount: Int, hasSpareCore: Bool = false, blasCore: String, summary: String, availableBytes: Int? = nil,
    addressBytes: Int? = nil, programName: String = "catlm"
  ) {
    self.threadCount = threadCount
    self.programName = programName
    self.availableBytes = availableBytes
    self.addressBytes = addressBytes
    self.hasSpareCore = hasSpareCore
    self.blasCore = blasCore
    self.summary = summary
  }

  var room: MemoryRoom { MemoryRoom(sharedBytes: availableBytes, addressBytes: addressBytes) }
}

/// A whole run on one rank: begin or resume, steps, validation, checkpoints, end.
package final class Trainer {
  let config: RunConfig
  let runPath: String
  let group: any ProcessGroup
  let backend: any Backend
  let host: TrainerHost
  /// Nil where it was not asked for.
  let memory: MemoryPlan?
  let logger: Logger
  let model: any LanguageModel
  let buckets: BucketPlan
  let optimizer: AdamW
  let training: any TrainingData
  /// What the training data is; nil if it is made.
  let data: DataIdentity?
  let validation: (any ValidationData)?
  /// What made the data's ids; nil if the configuration does not say.
  let tokenizer: (any Tokenizer)?
  var state: TrainerState
  /// The clock by which checkpoints are due.
  var now: () -> ContinuousClock.Instant = { .now }
  /// Where checkpoints are written to.
  var disk = Disk.real

  /// Makes model, optimizer and data; touches no file but the data's.
  ///
  /// - Parameters:
  ///   - runDirectory: where checkpoints and metrics go; rank 0 makes it.
  ///   - makePlanner: gives a backend like `backend` that computes nothing, new each time. With it the memory that the
  ///     run takes is known first, and a run that has no room is refused; nil: begin and see. All ranks give it or none.
  package init(
    _ config: RunConfig, runDirectory: String, group: any ProcessGroup, backend: any Backend, host: TrainerHost,
    logger: Logger, makePlanner: (() -> any Backend)? = nil
  ) throws {
    self.config = config
    runPath = runDirectory
    self.group = group
    self.backend = backend
    self.host = host
    self.logger = logger
    memory = makePlanner.map {
      MemoryPlan(
        config, rank: group.rank, rankCount: group.size, largestBytes: host.room.largestBytes, makeBackend: $0)
    }
    try memory?.requireRoom(host.room, for: config, in: group)
    tokenizer = try Self.tokenizer(of: config)
    training = try config.data.training(seed: config.train.seed)
    data = DataIdentity(training)
    validation = try config.data.validation(seed: config.train.seed, batchSize: config.validationBatchSize)
    try training.requireIDs(below: config.model.vocabularySize)
    try validation?.requireIDs(below: config.model.vocabularySize)
    model = config.model.makeModel(isTrained: true, backend: backend)
    buckets = BucketPlan(count: model.parameters.count, bucketBytes: config.parallel.bucketBytes)
    optimizer = AdamW(
      config.optimizer, parameters: model.parameters, backend: backend,
      owned: config.parallel.shardsOptimizer ? buckets.owned(by: group.rank, of: group.size) : nil)
    state = TrainerState(
      step: 0, tokensSeen: 0, seed: Int(config.train.seed), cursor: SampleCursor(epoch: 0, index: 0),
      worldSize: group.size, threadCount: host.threadCount, blasCore: host.blasCore,
      configDigest: Digest.sha256(of: config.resolved.json(pretty: false)))
    if let sampleCount = training.samplesPerEpoch {
      state.invariants["samples_per_epoch"] = .integer(sampleCount)
    }
    state.invariants[DataIdentity.key] = data?.setting
  }

  /// - Throws: ``SettingsError`` if there is no such tokenizer, or it has ids that the model has not.
  private static func tokenizer(of config: RunConfig) throws -> (any Tokenizer)? {
    guard let tokenizer = try config.data.loadTokenizer() else { return nil }
    guard tokenizer.vocabularySize <= config.model.vocabularySize else {
      throw SettingsError.invalid(
        key: "model.vocab_size", found: "\(config.model.vocabularySize)",
        allowed: "at least the \(tokenizer.vocabularySize) ids of data.tokenizer")
    }
    return tokenizer
  }

  /// Steps that are done.
  package var step: Int { state.step }

  /// Weights of the model.
  package var parameterCount: Int { model.parameters.count }

  /// Runs to the configured last step, or until a signal asks to stop: the ranks agree on that at each step's start, so
  /// a run may make one more step after the one in which the signal came.
  package func run(_ resume: ResumeChoice) throws {
    let exchange = try makeExchange()
    guard group.rank == 0 else {
      try shareStart(nil, exchange.collectives)
      try train(in: nil, exchange)
      return try exchange.close()
    }
    let files = try makeFiles()
    let lock = try files.directory.lock()
    if let holder = lock.deadHolder {
      logger.notice("taken over from a process that ended without releasing the run", fields: ["holder": "\(holder)"])
    }
    do {
      try begin(chosenCheckpoint(resume, files.directory), files, exchange.collectives)
    } catch {
      // A start that is refused leaves nothing behind.
      files.directory.removeIfUnused()
      throw error
    }
    if state.step < config.train.steps { try files.directory.writeConfiguration(config.resolved.yaml()) }
    try train(in: files, exchange)
    try exchange.close()
    lock.release()
  }

  /// The run directory, made if it is not there, and what is written into it.
  func makeFiles() throws -> RunFiles {
    RunFiles(
      directory: try RunDirectory(path: runPath, disk: disk), model: model, optimizer: optimizer, config: config,
      shardedMoments: shardedMoments, tokenizerFiles: tokenizer?.files ?? [:])
  }

  /// - Parameter files: on rank 0, which alone writes.
  private func train(in files: RunFiles?, _ exchange: GradientExchange) throws {
    guard state.step < config.train.steps else {
      logger.info("the run is finished", fields: ["steps": "\(state.step)"])
      if let files { sayWhatIsNext(BestValidation(metricsAt: files.directory.metricsPath)) }
      return
    }
    let metrics = try files.map { MetricsLog(try MetricsFile(path: $0.directory.metricsPath), logger: logger) }
    let startTokens = state.tokensSeen
    let recorder = RunRecorder(
      config: config, metrics: metrics, startTokens: startTokens,
      showsProgress: metrics != nil && logger.logLevel <= .info)
    defer { recorder.finish() }
    let saver = try files.map { try CheckpointSaver($0, logger: logger, now: now) }
    defer { saver?.finish() }
    let step = TrainingStep(
      model: model, optimizer: optimizer, data: training, exchange: exchange, backend: backend, train: config.train,
      schedule: config.schedule)
    let startStep = state.step
    var following = Following(spikes: SpikeGuard(config.train, losses: state.recentLosses))
    var (number, isStopping) = (startStep, false)
    while number < config.train.steps, !isStopping {
      try saver?.report()
      if isCheckDue(number, startStep: startStep) {
        try follow(&following, recorder, saver)
        do { try checkAgreement() } catch let error as TrainerError { throw ended(by: error, saver) }
      }
      let begun = try step.begin(
        number, isStopRequested: StopSignals.isRequested, isSaveRequested: saver?.isDue ?? false)
      // What the step before found says above which loss this one stands out.
      try follow(&following, recorder, saver)
      following.pending = try step.finish(
        begun, lossLimit: following.spikes.limit(chunkSizes: begun.chunkSizes))
      number += 1
      let isLast = number == config.train.steps
      isStopping = begun.stopRequestCount > 0 && !isLast
      let isSaving =
        isLast || isStopping || begun.saveRequestCount > 0 || Self.isDue(config.checkpoint.interval, number)
      // Where there is nothing to wait for, results are taken in at once.
      guard isSaving || isMeasureDue(number, isLast: isLast) || backend.pool.memory.isSynchronous else { continue }
      try follow(&following, recorder, saver)
      // Who asked to stop may not wait for long.
      if !isStopping { try measure(recorder, isLast: isLast) }
      if isSaving {
        group.note(step: state.step, phase: .checkpoint)
        try recorder.recordStall { try save(saver, isLast: isLast || isStopping) }
      }
      if isStopping {
        try measure(recorder, isLast: isLast)
        sayStopped(checkpoint: saver?.newestPath)
      }
    }
    recorder.finish()
    sayEnd(recorder, startStep: startStep, startTokens: startTokens)
  }

  /// How far the host has followed the steps that it asked for.
  private struct Following {
    var spikes: SpikeGuard
    /// The step whose results are not taken in yet.
    var pending: PendingStep?
  }

  /// Takes in what the step that was asked for last has found, waiting for it if need be; nothing if that was done.
  private func follow(_ following: inout Following, _ recorder: RunRecorder, _ saver: CheckpointSaver?) throws {
    guard let result = following.pending?.result() else { return }
    following.pending = nil
    if result.isUpdated || result.isSpike { following.spikes.note(result.loss, chunkSizes: result.chunkSizes) }
    state.recentLosses = following.spikes.losses
    advance(result)
    recorder.record(result, step: state.step, tokensSeen: state.tokensSeen)
    guard state.skippedInARow < config.train.nonFiniteLimit else {
      throw ended(by: .notFinite(step: state.step, count: state.skippedInARow), saver)
    }
  }

  /// What all ranks are to end with, once rank 0 has finished the checkpoint that it is writing: the end of the first
  /// rank would be that of all. All ranks call it.
  private func ended(by error: TrainerError, _ saver: CheckpointSaver?) -> TrainerError {
    group.note(step: state.step, phase: .checkpoint)
    saver?.finish()
    // Where the ranks cannot wait for each other, `error` is still what ends the run.
    try? group.barrier()
    return error
  }

  /// Makes the validation and the sample texts that are due after the step that is done.
  private func measure(_ recorder: RunRecorder, isLast: Bool) throws {
    if isLast || Self.isDue(config.train.validationInterval, state.step) { try validate(recorder) }
    if isSampleDue(state.step, isLast: isLast) { try writeSamples(recorder) }
  }

  /// Whether ``measure(_:isLast:)`` has something to do after `step` steps.
  private func isMeasureDue(_ step: Int, isLast: Bool) -> Bool {
    isLast || Self.isDue(config.train.validationInterval, step) || isSampleDue(step, isLast: isLast)
  }

  private static func isDue(_ interval: Int, _ step: Int) -> Bool {
    interval > 0 && step % interval == 0
  }

  private func advance(_ result: StepResult) {
    state.step += 1
    state.tokensSeen += result.tokenCount
    let cursor = training.cursor(step: state.step, globalBatch: config.train.batchSize)
    state.cursor = SampleCursor(epoch: cursor.epoch, index: cursor.index)
    state.skippedInARow = result.isUpdated || result.isSpike ? 0 : state.skippedInARow + 1
    guard !result.isUpdated else { return }
    state.skippedTotal += 1
    if result.isSpike { state.spikeTotal += 1 }
    guard group.rank == 0 else { return }
    logger.warning(
      result.isSpike
        ? "update skipped: the loss stands out (train.spike_threshold)"
        : "update skipped: loss or gradient norm is not finite",
      fields: [
        "step": "\(state.step)", "loss": "\(result.loss)", "gradient_norm": "\(result.gradientNorm)",
        "skipped_total": "\(state.skippedTotal)",
      ])
  }

  /// Loss at every configured chunk size; each rank runs its share of the batches.
  private func validate(_ recorder: RunRecorder) throws {
    guard let validation else { return }
    group.note(step: state.step, phase: .validation)
    let evaluator = Evaluator(model: model, backend: backend)
    let indices = Array(stride(from: group.rank, to: validation.batchCount, by: group.size))
    let hasChunks = config.model.chunkSizes != nil
    let progress = recorder.validationProgress(batchCount: indices.count * config.train.chunks.sizes.count)
    defer { progress?.finish() }
    for chunkSize in config.train.chunks.sizes {
      let part = evaluator.evaluate(validation, indices: indices, chunkSize: chunkSize) { tokenCount in
        progress?.advance(tokenCount: tokenCount, chunkSize: hasChunks ? chunkSize : nil)
        group.note(step: state.step, phase: .validation)
      }
      var sums = [part.lossSum, Double(part.targetCount), Double(part.correctCount)]
      try group.sum(&sums)
      recorder.recordValidation(
        step: state.step, chunkSize: hasChunks ? chunkSize : nil, loss: sums[0] / sums[1],
        accuracy: sums[2] / sums[1], targetCount: Int(sums[1]), logger: logger)
    }
  }
}

extension RunConfig {
  /// Samples of a validation batch: as many as a micro-batch has.
  var validationBatchSize: Int {
    max(1, train.batchSize / train.accumulation)
  }
}
