internal import JSON
internal import Logging
internal import Telemetry

/// Writes what a run does: `metrics.jsonl`, the event file, the progress line, validation results. Silent on ranks other than 0.
final class RunRecorder {
  /// What validations found, those before this start included.
  private(set) var best: BestValidation
  /// When training began.
  let startInstant: ContinuousClock.Instant

  private let config: RunConfig
  /// Files that take each record, `metrics.jsonl` first; none on ranks other than 0.
  private let sinks: [MetricsLog]
  /// Nil where the log has no room for what comes every few seconds.
  private let progress: ProgressLine?
  private let startTokens: Int
  private let clock = ContinuousClock()
  private var lastInstant: ContinuousClock.Instant
  /// Seconds that training waited for checkpoints since the last record.
  private var stallSeconds: Double?

  /// - Parameters:
  ///   - sinks: files that take each record, `metrics.jsonl` first; none on ranks other than 0.
  ///   - showsProgress: whether lines say how far the run is, beside what is logged.
  init(config: RunConfig, sinks: [MetricsLog], startTokens: Int, showsProgress: Bool) {
    self.config = config
    progress = showsProgress ? ProgressLine() : nil
    self.sinks = sinks
    self.startTokens = startTokens
    best = sinks.first.map { BestValidation(metricsAt: $0.path) } ?? BestValidation()
    startInstant = clock.now
    lastInstant = startInstant
  }

  /// Records a finished step; `step` counts from 1.
  func record(_ result: StepResult, step: Int, tokensSeen: Int) {
    guard !sinks.isEmpty else { return }
    let seconds = (clock.now - lastInstant) / .seconds(1)
    lastInstant = clock.now
    let hasChunks = config.model.chunkSizes != nil
    progress?.update(
      Progress(
        step: step, stepCount: config.train.steps, tokenCount: tokensSeen - startTokens, loss: result.loss,
        chunkSize: hasChunks ? result.chunkSizes.last : nil, learningRate: result.learningRate))
    guard step % config.logging.interval == 0 || step == config.train.steps || !result.isUpdated else { return }
    var record = MetricsRecord(.training, step: step)
    record[.loss] = .number(result.loss)
    if hasChunks { record[.chunkSize] = chunkSizes(result) }
    record[.learningRate] = .number(result.learningRate)
    record[.gradientNorm] = .number(result.gradientNorm)
    record[.tokens] = .integer(tokensSeen)
    record[.targets] = .integer(result.targetCount)
    record[.seconds] = .number(seconds)
    record[.dataSeconds] = .number(result.dataSeconds)
    record[.tokensPerSecond] = .number(Double(result.tokenCount) / seconds)
    if !result.isUpdated { record[.skipped] = .flag(true) }
    if result.isSpike { record[.spike] = .flag(true) }
    record[.checkpointStallSeconds] = stallSeconds.map(JSONValue.number)
    stallSeconds = nil
    append(record)
  }

  /// One size if all micro-batches ran at the same, else a list.
  private func chunkSizes(_ result: StepResult) -> JSONValue {
    Set(result.chunkSizes).count == 1
      ? .integer(result.chunkSizes[0]) : .list(result.chunkSizes.map(JSONValue.integer))
  }

  /// A line for a validation under way; nil on ranks other than 0.
  ///
  /// - Parameter batchCount: batches of this rank, of all chunk sizes.
  func validationProgress(batchCount: Int) -> EvaluationProgressLine? {
    progress.map { _ in EvaluationProgressLine("validation", batchCount: batchCount) }
  }

  func recordValidation(
    step: Int, chunkSize: Int?, loss: Double, accuracy: Double, targetCount: Int, logger: Logger
  ) {
    guard !sinks.isEmpty else { return }
    var record = MetricsRecord(.validation, step: step)
    record[.chunkSize] = chunkSize.map(JSONValue.integer)
    record[.validationLoss] = .number(loss)
    record[.accuracy] = .number(accuracy)
    record[.targets] = .integer(targetCount)
    append(record)
    best.add(BestValidation.Entry(chunkSize: chunkSize, loss: loss, step: step))
    let (lossText, accuracyText) = (Format.fixed(loss, digits: 4), Format.fixed(accuracy, digits: 4))
    if let chunkSize {
      logger.info(
        "validation",
        fields: ["step": "\(step)", "chunk_size": "\(chunkSize)", "loss": lossText, "accuracy": accuracyText])
    } else {
      logger.info("validation", fields: ["step": "\(step)", "loss": lossText, "accuracy": accuracyText])
    }
    skipTime()
  }

  func recordSample(step: Int, chunkSize: Int?, text: String, logger: Logger) {
    guard !sinks.isEmpty else { return }
    let prompt = config.train.samples.prompt
    var record = MetricsRecord(.sample, step: step)
    record[.chunkSize] = chunkSize.map(JSONValue.integer)
    record[.prompt] = .text(prompt)
    record[.text] = .text(text)
    append(record)
    var metadata: Logger.Metadata = ["step": "\(step)", "text": "\(prompt + text)"]
    if let chunkSize { metadata["chunk_size"] = "\(chunkSize)" }
    logger.info("sample", metadata: metadata)
    skipTime()
  }

  /// Runs what holds training up for a checkpoint. How long that takes is in the next step's record, apart from the
  /// step's own time.
  func recordStall<Failure: Error>(_ body: () throws(Failure) -> Void) throws(Failure) {
    let start = clock.now
    try body()
    skipTime()
    stallSeconds = (stallSeconds ?? 0) + (lastInstant - start) / .seconds(1)
  }

  private func append(_ record: MetricsRecord) {
    for sink in sinks { sink.append(record.setting) }
  }

  /// Leaves what happened since the last record out of the next step's time: validation, a checkpoint.
  private func skipTime() {
    lastInstant = clock.now
  }

  func finish() {
    progress?.finish()
    for sink in sinks { sink.finish() }
  }
}
