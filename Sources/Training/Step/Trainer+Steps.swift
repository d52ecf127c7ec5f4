internal import Checkpoints
internal import Evaluation
internal import Logging
internal import Models
internal import Optimizers
internal import Parallel
internal import Telemetry
internal import TensorCore
internal import TokenData

/// The steps of a run, and what is done between them.
extension Trainer {
  /// - Parameter files: on rank 0, which alone writes.
  func train(in files: RunFiles?, _ exchange: GradientExchange) throws {
    guard state.step < config.train.steps else {
      logger.info("the run is finished", fields: ["steps": "\(state.step)"])
      if let files { sayWhatIsNext(BestValidation(metricsAt: files.directory.metricsPath)) }
      return
    }
    let sinks = try files?.openSinks(config.logging, logger: logger) ?? []
    let startTokens = state.tokensSeen
    let recorder = RunRecorder(
      config: config, sinks: sinks, startTokens: startTokens,
      showsProgress: !sinks.isEmpty && logger.logLevel <= .info)
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
      try group.allReduce(.sum, &sums)
      recorder.recordValidation(
        step: state.step, chunkSize: hasChunks ? chunkSize : nil, loss: sums[0] / sums[1],
        accuracy: sums[2] / sums[1], targetCount: Int(sums[1]), logger: logger)
    }
  }
}
