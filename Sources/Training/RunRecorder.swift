internal import Logging
internal import Settings
internal import Telemetry

/// Writes what a run does: `metrics.jsonl`, the progress line, validation results. Silent on ranks other than 0.
final class RunRecorder {
  private let config: RunConfig
  private let metrics: MetricsFile?
  private let progress = ProgressLine()
  private let startTokens: Int
  private let clock = ContinuousClock()
  private var lastInstant: ContinuousClock.Instant
  /// Seconds that training waited for checkpoints since the last record.
  private var stallSeconds: Double?

  init(config: RunConfig, metrics: MetricsFile?, startTokens: Int) {
    self.config = config
    self.metrics = metrics
    self.startTokens = startTokens
    lastInstant = clock.now
  }

  /// Records a finished step; `step` counts from 1.
  func record(_ result: StepResult, step: Int, tokensSeen: Int) throws {
    guard let metrics else { return }
    let seconds = (clock.now - lastInstant) / .seconds(1)
    lastInstant = clock.now
    let hasChunks = config.model.chunkSizes != nil
    progress.update(
      Progress(
        step: step, stepCount: config.train.steps, tokenCount: tokensSeen - startTokens, loss: result.loss,
        chunkSize: hasChunks ? result.chunkSizes.last : nil, learningRate: result.learningRate))
    guard step % config.logging.interval == 0 || step == config.train.steps || !result.isUpdated else { return }
    var record: [Setting.Entry] = [
      .init(key: "step", value: .integer(step)), .init(key: "loss", value: .number(result.loss)),
    ]
    if hasChunks { record.append(.init(key: "chunk_size", value: chunkSizes(result))) }
    record += [
      .init(key: "learning_rate", value: .number(result.learningRate)),
      .init(key: "gradient_norm", value: .number(result.gradientNorm)),
      .init(key: "tokens", value: .integer(tokensSeen)), .init(key: "targets", value: .integer(result.targetCount)),
      .init(key: "seconds", value: .number(seconds)),
      .init(key: "tokens_per_second", value: .number(Double(result.tokenCount) / seconds)),
    ]
    if !result.isUpdated { record.append(.init(key: "skipped", value: .flag(true))) }
    if result.isSpike { record.append(.init(key: "spike", value: .flag(true))) }
    if let stallSeconds { record.append(.init(key: "checkpoint_stall_seconds", value: .number(stallSeconds))) }
    stallSeconds = nil
    try metrics.append(.mapping(record))
  }

  /// One size if all micro-batches ran at the same, else a list.
  private func chunkSizes(_ result: StepResult) -> Setting {
    Set(result.chunkSizes).count == 1
      ? .integer(result.chunkSizes[0]) : .list(result.chunkSizes.map(Setting.integer))
  }

  func recordValidation(
    step: Int, chunkSize: Int?, loss: Double, accuracy: Double, targetCount: Int, logger: Logger
  ) throws {
    guard let metrics else { return }
    var record: [Setting.Entry] = [.init(key: "step", value: .integer(step))]
    if let chunkSize { record.append(.init(key: "chunk_size", value: .integer(chunkSize))) }
    record += [
      .init(key: "validation_loss", value: .number(loss)), .init(key: "accuracy", value: .number(accuracy)),
      .init(key: "targets", value: .integer(targetCount)),
    ]
    try metrics.append(.mapping(record))
    var metadata: Logger.Metadata = [
      "step": "\(step)", "loss": "\(Format.fixed(loss, digits: 4))", "accuracy": "\(Format.fixed(accuracy, digits: 4))",
    ]
    if let chunkSize { metadata["chunk_size"] = "\(chunkSize)" }
    logger.info("validation", metadata: metadata)
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

  /// Leaves what happened since the last record out of the next step's time: validation, a checkpoint.
  private func skipTime() {
    lastInstant = clock.now
  }

  func finish() {
    if metrics != nil { progress.finish() }
  }
}
