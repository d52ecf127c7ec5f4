package import Logging

/// What a terminal shows of a run's records: a line of progress that every step rewrites, and what validations and the
/// model's texts come to.
package final class TerminalSink {
  private let stepCount: Int
  private let startTokens: Int
  /// Nil where the log has no room for what comes every few seconds.
  private let progress: ProgressLine?
  private let logger: Logger

  /// - Parameters:
  ///   - stepCount: steps of the whole run.
  ///   - startTokens: tokens that were seen before this start.
  package init(stepCount: Int, startTokens: Int, progress: ProgressLine?, logger: Logger) {
    self.stepCount = stepCount
    self.startTokens = startTokens
    self.progress = progress
    self.logger = logger
  }

  /// Takes every step's record.
  package func show(_ record: RunRecord) {
    let number = "\(record.step)"
    switch record.event {
    case .step(let step):
      progress?.update(
        Progress(
          step: record.step, stepCount: stepCount, tokenCount: (step.tokenCount ?? 0) - startTokens, loss: step.loss,
          chunkSize: step.chunkSizes.last, learningRate: step.learningRate ?? 0))
    case .validation(let found):
      let (loss, accuracy) = (Format.fixed(found.loss, digits: 4), Format.fixed(found.accuracy ?? .nan, digits: 4))
      if let size = found.chunkSize {
        logger.info(
          "validation", fields: ["step": number, "chunk_size": "\(size)", "loss": loss, "accuracy": accuracy])
      } else {
        logger.info("validation", fields: ["step": number, "loss": loss, "accuracy": accuracy])
      }
    case .sample(let sample):
      let text = sample.prompt + sample.text
      if let size = sample.chunkSize {
        logger.info("sample", fields: ["step": number, "chunk_size": "\(size)", "text": text])
      } else {
        logger.info("sample", fields: ["step": number, "text": text])
      }
    case .checkpoint, .stall, .end, .histograms: break
    }
  }

  /// A line for a validation under way; nil where there is no progress to show.
  ///
  /// - Parameter batchCount: batches of all chunk sizes.
  package func validationProgress(batchCount: Int) -> EvaluationProgressLine? {
    progress.map { _ in EvaluationProgressLine("validation", batchCount: batchCount) }
  }

  package func finish() {
    progress?.finish()
  }
}
