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
    let phases = PhaseClock(trace: config.train.traceSteps.isEmpty ? nil : TraceRecorder())
    let recorder = try makeRecorder(files, phases)
    defer { recorder.finish() }
    do {
      try train(in: files, exchange, recorder, phases)
    } catch {
      recorder.recordEnd(.failed, step: state.step, reason: "\(error)")
      throw error
    }
  }

  private func makeRecorder(_ files: RunFiles?, _ phases: PhaseClock) throws -> RunRecorder {
    let ceiling = try measureCeiling()
    guard let files else {
      return RunRecorder(
        config: config, backend: backend, files: [], terminal: nil, phases: phases, ceiling: ceiling)
    }
    let terminal = TerminalSink(
      stepCount: config.train.steps, startTokens: state.tokensSeen,
      progress: terminalLogger.logLevel <= .info ? ProgressLine() : nil, logger: terminalLogger)
    return RunRecorder(
      config: config, backend: backend, files: try files.openSinks(config.logging, log: log, logger: terminalLogger),
      terminal: terminal, phases: phases, ceiling: ceiling)
  }

  private func train(
    in files: RunFiles?, _ exchange: GradientExchange, _ recorder: RunRecorder, _ phases: PhaseClock
  ) throws {
    let saver = try files.map { try CheckpointSaver($0, logger: logger, now: now) }
    var tracing = Tracing(self, phases.trace, exchange)
    saver?.onWritten = { recorder.recordCheckpoint($0, seconds: $1) }
    defer { saver?.finish() }
    let step = TrainingStep(
      model: model, optimizer: optimizer, data: training, exchange: exchange, backend: backend, train: config.train,
      schedule: config.schedule, clock: phases)
    let (startStep, startTokens) = (state.step, state.tokensSeen)
    var following = Following(spikes: SpikeGuard(config.train, losses: state.recentLosses))
    var (number, isStopping) = (startStep, false)
    while number < config.train.steps, !isStopping {
      try saver?.report()
      if isCheckDue(number, startStep: startStep) {
        try follow(&following, recorder, saver, phases)
        do { try checkAgreement() } catch let error as TrainerError { throw ended(by: error, saver) }
      }
      try tracing.begin(number + 1)
      let begun = try step.begin(
        number, isStopRequested: StopSignals.isRequested, isSaveRequested: saver?.isDue ?? false)
      // What the step before found says above which loss this one stands out.
      try follow(&following, recorder, saver, phases)
      following.pending = try step.finish(
        begun, lossLimit: following.spikes.limit(chunkSizes: begun.chunkSizes))
      tracing.end(number + 1)
      number += 1
      let isLast = number == config.train.steps
      isStopping = begun.stopRequestCount > 0 && !isLast
      try tracing.write(ifEndedBefore: number + 1, isLast: isLast || isStopping)
      let isSaving =
        isLast || isStopping || begun.saveRequestCount > 0 || Self.isDue(config.checkpoint.interval, number)
      // Where there is nothing to wait for, results are taken in at once.
      guard isSaving || isMeasureDue(number, isLast: isLast) || backend.pool.memory.isSynchronous else { continue }
      try follow(&following, recorder, saver, phases)
      // Who asked to stop may not wait for long.
      if !isStopping { try measure(recorder, isLast: isLast) }
      if isSaving {
        group.note(step: state.step, phase: .checkpoint)
        try recorder.recordStall(.checkpoint, step: state.step) { try save(saver, isLast: isLast || isStopping) }
      }
      if isStopping {
        try measure(recorder, isLast: isLast)
        sayStopped(checkpoint: saver?.newestPath)
      }
    }
    recorder.recordEnd(isStopping ? .stopped : .done, step: state.step)
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
  private func follow(
    _ following: inout Following, _ recorder: RunRecorder, _ saver: CheckpointSaver?, _ phases: PhaseClock
  ) throws {
    guard let pending = following.pending else { return }
    let result = phases.measure(.device) { pending.result() }
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

  /// Makes the validation, the sample texts and the histograms that are due after the step that is done.
  private func measure(_ recorder: RunRecorder, isLast: Bool) throws {
    if validation != nil, isLast || Self.isDue(config.train.validationInterval, state.step) {
      try recorder.recordStall(.validation, step: state.step) { try validate(recorder) }
    }
    if isSampleDue(state.step, isLast: isLast) {
      try recorder.recordStall(.samples, step: state.step) { try writeSamples(recorder) }
    }
    if isHistogramDue(state.step) { recorder.recordStall(.histograms, step: state.step) { recordHistograms(recorder) } }
  }

  /// Whether ``measure(_:isLast:)`` has something to do after `step` steps.
  private func isMeasureDue(_ step: Int, isLast: Bool) -> Bool {
    isLast || Self.isDue(config.train.validationInterval, step) || isSampleDue(step, isLast: isLast)
      || isHistogramDue(step)
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
      let found = RunRecord.Validation(
        chunkSize: hasChunks ? chunkSize : nil, loss: sums[0] / sums[1], accuracy: sums[2] / sums[1],
        targetCount: Int(sums[1]))
      recorder.recordValidation(found, step: state.step)
    }
  }
}
