internal import Checkpoints
internal import Foundation
internal import Parallel
internal import Telemetry
internal import TensorCore

/// Makes the records of a run and gives them to its files and to the terminal. Silent on ranks other than 0.
final class RunRecorder {
  /// What validations found, those before this start included.
  private(set) var best: BestValidation
  /// When training began.
  let startInstant: ContinuousClock.Instant

  private let config: RunConfig
  private let backend: any Backend
  private let phases: PhaseClock
  /// Operations a second that all ranks come to at best; nil if not known.
  private let ceiling: Double?
  private let files: [MetricsLog]
  private let terminal: TerminalSink?
  private let clock = ContinuousClock()
  private var lastInstant: ContinuousClock.Instant
  /// Seconds that training waited for checkpoints since the last record of a step.
  private var stallSeconds = 0.0
  private var hasEnded = false

  /// - Parameters:
  ///   - files: those that take each record, `metrics.jsonl` first; none on ranks other than 0.
  ///   - terminal: nil on ranks other than 0.
  ///   - phases: what the steps are measured with.
  init(
    config: RunConfig, backend: any Backend, files: [MetricsLog], terminal: TerminalSink?, phases: PhaseClock,
    ceiling: Double?
  ) {
    self.config = config
    self.backend = backend
    self.files = files
    self.terminal = terminal
    self.phases = phases
    self.ceiling = ceiling
    best = files.first.map { BestValidation(metricsAt: $0.path) } ?? BestValidation()
    startInstant = clock.now
    lastInstant = startInstant
  }

  private var isSilent: Bool { files.isEmpty && terminal == nil }

  // MARK: Steps

  /// Records a finished step; `step` counts from 1.
  func record(_ result: StepResult, step: Int, tokensSeen: Int) {
    guard !isSilent else { return }
    let seconds = (clock.now - lastInstant) / .seconds(1)
    lastInstant = clock.now
    var record = StepRecord(loss: result.loss)
    if config.model.chunkSizes != nil {
      record.chunkSizes = Set(result.chunkSizes).count == 1 ? [result.chunkSizes[0]] : result.chunkSizes
    }
    record.learningRate = result.learningRate
    record.gradientNorm = result.gradientNorm
    record.tokenCount = tokensSeen
    record.targetCount = result.targetCount
    record.seconds = seconds
    record.phases = phases.take(of: seconds, isSynchronous: backend.pool.memory.isSynchronous)
    record.tokensPerSecond = Double(result.tokenCount) / seconds
    record.utilization = ceiling.map { Double(result.operationCount) / seconds / $0 }
    record.isSkipped = !result.isUpdated
    record.isSpike = result.isSpike
    let isKept = step % config.logging.interval == 0 || step == config.train.steps || !result.isUpdated
    if isKept {
      record.memory = memory
      record.checkpointStallSeconds = stallSeconds
      stallSeconds = 0
    }
    give(RunRecord(step: step, .step(record)), toFiles: isKept)
  }

  private var memory: MemoryUse {
    var use = MemoryUse()
    (use.processBytes, use.peakProcessBytes) = (residentBytes(), peakResidentBytes())
    use.tensorBytes = backend.pool.statistics.heldBytes + backend.constants.byteCount
    use.peakTensorBytes = backend.peakBytes
    return use
  }

  // MARK: Between steps

  /// Runs what holds training up between two steps. No step's time has it.
  func recordStall<Failure: Error>(
    _ cause: RunRecord.Stall.Cause, step: Int, _ body: () throws(Failure) -> Void
  ) throws(Failure) {
    let start = clock.now
    try body()
    lastInstant = clock.now
    let seconds = (lastInstant - start) / .seconds(1)
    if cause == .checkpoint { stallSeconds += seconds }
    give(RunRecord(step: step, .stall(RunRecord.Stall(cause: cause, seconds: seconds))))
  }

  /// A line for a validation under way; nil on ranks other than 0.
  ///
  /// - Parameter batchCount: batches of this rank, of all chunk sizes.
  func validationProgress(batchCount: Int) -> EvaluationProgressLine? {
    terminal?.validationProgress(batchCount: batchCount)
  }

  func recordValidation(_ found: RunRecord.Validation, step: Int) {
    best.add(BestValidation.Entry(chunkSize: found.chunkSize, loss: found.loss, step: step))
    give(RunRecord(step: step, .validation(found)))
  }

  func recordSample(chunkSize: Int?, text: String, step: Int) {
    let sample = RunRecord.Sample(chunkSize: chunkSize, prompt: config.train.samples.prompt, text: text)
    give(RunRecord(step: step, .sample(sample)))
  }

  func recordHistograms(_ histograms: [Histogram], step: Int) {
    give(RunRecord(step: step, .histograms(histograms)))
  }

  func recordCheckpoint(_ written: WrittenCheckpoint, seconds: Double) {
    let name = URL(filePath: written.path).lastPathComponent
    let checkpoint = RunRecord.Checkpoint(name: name, byteCount: written.byteCount, seconds: seconds)
    give(RunRecord(step: written.step, .checkpoint(checkpoint)))
  }

  // MARK: End

  /// Records how this start ended, the first time that it is told so.
  func recordEnd(_ outcome: RunRecord.End.Outcome, step: Int, reason: String? = nil) {
    guard !hasEnded else { return }
    hasEnded = true
    let seconds = (clock.now - startInstant) / .seconds(1)
    give(RunRecord(step: step, .end(RunRecord.End(outcome: outcome, seconds: seconds, reason: reason))))
  }

  func finish() {
    terminal?.finish()
    for file in files { file.finish() }
  }

  private func give(_ record: RunRecord, toFiles: Bool = true) {
    terminal?.show(record)
    if toFiles { for file in files { file.append(record) } }
  }
}
