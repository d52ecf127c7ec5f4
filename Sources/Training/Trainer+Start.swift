internal import Checkpoints
internal import Foundation
internal import Models
internal import Parallel
internal import TensorCore

extension Trainer {
  /// Rank 0's part of a start: fresh weights, or those of a checkpoint with everything that belongs to it.
  func begin(_ resume: ResumeChoice) throws {
    guard let checkpoint = try chosenCheckpoint(resume) else {
      model.parameters.initialize(
        config.model.specs(scheme: config.train.initialization), seed: config.train.seed)
      _ = try directory.cutMetrics(toStep: 0)
      return
    }
    let files = RunFiles(directory: directory, model: model, optimizer: optimizer, config: config)
    let before = try files.read(checkpoint)
    warnOfChanges(before)
    state.step = before.step
    state.tokensSeen = before.tokensSeen
    state.cursor = before.cursor
    state.skippedInARow = before.skippedInARow
    state.skippedTotal = before.skippedTotal
    _ = try directory.cutMetrics(toStep: before.step)
    logger.info("resuming", metadata: ["checkpoint": "\(checkpoint.path)", "step": "\(before.step)"])
  }

  private func chosenCheckpoint(_ resume: ResumeChoice) throws -> CheckpointDirectory? {
    switch resume {
    case .fresh:
      // A later resume would take the old run's checkpoints for this one's.
      if let newest = try directory.checkpoints.list().first { throw TrainerError.occupied(newest.path) }
      return nil
    case .checkpoint(let path):
      return try CheckpointDirectory(verifying: path)
    case .automatic:
      let newest = try directory.checkpoints.newestVerified()
      for (path, reason) in newest.passedOver {
        logger.warning("checkpoint passed over", metadata: ["path": "\(path)", "reason": "\(reason)"])
      }
      return newest.checkpoint
    }
  }

  /// Says what may make the last bits differ from those of an uninterrupted run.
  private func warnOfChanges(_ before: TrainerState) {
    let changes = [
      ("ranks", "\(before.worldSize)", "\(state.worldSize)"),
      ("threads", "\(before.threadCount)", "\(state.threadCount)"),
      ("BLAS core type", before.blasCore, state.blasCore),
    ]
    for (what, old, new) in changes where old != new {
      logger.warning(
        "results agree within rounding, not to the bit: \(what) changed", metadata: ["from": "\(old)", "to": "\(new)"])
    }
  }

  /// Sends rank 0's start to all ranks. Weights are made once, since machines may round differently.
  func shareStart() throws {
    let numbers = [state.step, state.tokensSeen, state.skippedInARow, state.skippedTotal]
    let root = try group.gather(numbers.map(String.init).joined(separator: " "))[0].split(separator: " ").map {
      Int($0) ?? 0
    }
    (state.step, state.tokensSeen) = (root[0], root[1])
    (state.skippedInARow, state.skippedTotal) = (root[2], root[3])
    optimizer.updateCount = state.step - state.skippedTotal
    for buffer in [model.parameters.weights, optimizer.firstMoments, optimizer.secondMoments] {
      try buffer.withBytes { (bytes) throws(ParallelError) in try unsafe group.broadcast(bytes, from: 0) }
    }
  }
}
