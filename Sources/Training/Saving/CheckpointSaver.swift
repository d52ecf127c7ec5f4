package import Checkpoints
internal import Glibc
package import Logging
internal import Telemetry

/// Takes a run's checkpoints: says when they are due by the clock, writes them in the background or not, and tells what
/// became of them. On rank 0 alone.
package final class CheckpointSaver {
  /// How one writing ended.
  private struct Outcome: Sendable {
    let step: Int
    let seconds: Double
    /// Seconds that a core worked for it; the rest was the disk, or waiting for a core.
    let processorSeconds: Double
    let result: Result<SavedCheckpoint, CheckpointError>
  }

  private let files: RunFiles
  private let config: CheckpointConfig
  private let logger: Logger
  private let now: () -> ContinuousClock.Instant
  private let writer = BackgroundTask<Outcome>()
  /// Where weights and moments are copied; nil in the blocking mode.
  private let snapshot: SnapshotMemory?
  private var lastSave: ContinuousClock.Instant
  private var verified = VerifiedCheckpoints()
  /// The newest checkpoint that this saver wrote; nil before there is one.
  private(set) var newestPath: String?
  /// Step whose checkpoint is being written.
  private var stepInWriting = 0
  /// Told of each checkpoint that was written, and of the seconds that it took.
  var onWritten: ((WrittenCheckpoint, _ seconds: Double) -> Void)?

  /// - Parameters:
  ///   - mode: as configured, unless it is given.
  ///   - now: the clock by which checkpoints are due.
  package init(
    _ files: RunFiles, mode: CheckpointConfig.Mode? = nil, logger: Logger,
    now: @escaping () -> ContinuousClock.Instant = { .now }
  ) throws(CheckpointError) {
    self.files = files
    self.logger = logger
    self.now = now
    config = files.config.checkpoint
    lastSave = now()
    // A copy of moments that other ranks have would be all of them in one rank's memory.
    let isAsked = (mode ?? config.mode) == .asynchronous
    let isAsynchronous = isAsked && files.shardedMoments == nil
    if isAsked && !isAsynchronous {
      logger.notice("training waits for checkpoints: no rank has room for a copy of all ranks' moments")
    }
    snapshot = isAsynchronous ? try SnapshotMemory(byteCount: files.tensorBytes) : nil
    guard let snapshot else { return }
    logger.info(
      "checkpoints are written in the background from a copy",
      fields: ["memory": "\(Format.bytes(snapshot.byteCount))"])
  }

  /// Whether the last checkpoint was begun longer ago than the configured minutes.
  var isDue: Bool {
    config.intervalMinutes > 0 && now() - lastSave >= .seconds(config.intervalMinutes * 60)
  }

  /// Whether a checkpoint is being written in the background.
  package var isBusy: Bool { writer.isBusy }

  /// Takes a checkpoint of now.
  ///
  /// - Parameter isLast: whether the run ends with it: it is waited for, and has to succeed.
  /// - Throws: ``CheckpointError`` if it has to succeed and does not, or the configuration says to stop then.
  package func save(_ state: TrainerState, isLast: Bool) throws(CheckpointError) {
    try waitForTheOneBefore()
    lastSave = now()
    guard let snapshot, !isLast else {
      let outcome = Self.outcome(of: state.step) { () throws(CheckpointError) in
        try files.write(state, isLast: isLast, verified: verified)
      }
      return try tell(outcome, mustSucceed: isLast)
    }
    let contents = files.contents(state, copiedTo: snapshot)
    let (store, config, known) = (files.directory.checkpoints, config, verified)
    stepInWriting = state.step
    writer.start {
      Self.outcome(of: state.step) { () throws(CheckpointError) in
        try SavedCheckpoint(writing: contents, in: store, as: config, isLast: false, verified: known)
      }
    }
  }

  /// Tells what became of a checkpoint that was written in the background, once it is known.
  ///
  /// - Returns: the seconds that it took, and those of a core's work; nil if nothing new is known.
  @discardableResult
  package func report() throws(CheckpointError) -> (seconds: Double, processorSeconds: Double)? {
    guard let outcome = writer.takeResult() else { return nil }
    try tell(outcome, mustSucceed: false)
    return (outcome.seconds, outcome.processorSeconds)
  }

  /// Waits for what is being written when the run ends in another way than with a checkpoint.
  func finish() {
    writer.wait()
    // What ends the run is thrown already; that this failed, too, is in the log.
    _ = try? report()
  }

  private func waitForTheOneBefore() throws(CheckpointError) {
    if writer.isBusy {
      logger.notice(
        "waiting for the checkpoint before, which is still being written", fields: ["step": "\(stepInWriting)"])
    }
    writer.wait()
    try report()
  }

  private static func outcome(
    of step: Int, _ body: () throws(CheckpointError) -> SavedCheckpoint
  ) -> Outcome {
    let (start, processorStart) = (ContinuousClock.now, threadSeconds())
    let result = Result { () throws(CheckpointError) in try body() }
    return Outcome(
      step: step, seconds: (ContinuousClock.now - start) / .seconds(1),
      processorSeconds: threadSeconds() - processorStart, result: result)
  }

  private func tell(_ outcome: Outcome, mustSucceed: Bool) throws(CheckpointError) {
    switch outcome.result {
    case .success(let saved):
      verified = saved.verified
      newestPath = saved.written.path
      onWritten?(saved.written, outcome.seconds)
      if !saved.removedForRoom.isEmpty {
        logger.warning(
          "the disk is full: older checkpoints were removed to make room",
          fields: ["removed": "\(saved.removedForRoom.joined(separator: ", "))"])
      }
      for line in saved.written.cleanedUp { logger.notice("left by an earlier writer", fields: ["what": "\(line)"]) }
      logger.info(
        "checkpoint written",
        fields: [
          "path": "\(saved.written.path)", "size": "\(Format.bytes(saved.written.byteCount))",
          "seconds": "\(Format.fixed(outcome.seconds, digits: 2))",
          "processor_seconds": "\(Format.fixed(outcome.processorSeconds, digits: 2))",
        ])
      if let error = saved.pruningError {
        logger.warning("older checkpoints could not be removed", fields: ["reason": "\(error)"])
      }
    case .failure(let error):
      logger.error(
        mustSucceed ? "checkpoint not written" : "checkpoint not written; the next one is tried when it is due",
        fields: ["step": "\(outcome.step)", "reason": "\(error)"])
      if mustSucceed || config.onFailure == .stop { throw error }
    }
  }
}

/// Processor time of the calling thread.
private func threadSeconds() -> Double {
  var time = timespec()
  // A clock that every Linux has.
  _ = clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
  return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
}
