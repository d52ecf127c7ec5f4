internal import Checkpoints
internal import Foundation
internal import Models
internal import Parallel
internal import Settings
internal import TensorCore

extension Trainer {
  /// Rank 0's part of a start: fresh weights, or those of a checkpoint with everything that belongs to it.
  func begin(_ checkpoint: CheckpointDirectory?, _ files: RunFiles) throws {
    guard let checkpoint else {
      model.parameters.initialize(
        config.model.specs(scheme: config.train.initialization), seed: config.train.seed)
      _ = try files.directory.cutMetrics(toStep: 0)
      return
    }
    let before = try files.read(checkpoint)
    try requireSameData(before, checkpoint.path)
    warnOfChanges(before, program: checkpoint.manifest?.program)
    for file in checkpoint.unknownFiles {
      logger.warning("a file that the manifest does not know", metadata: ["path": "\(checkpoint.path)/\(file)"])
    }
    state.step = before.step
    state.tokensSeen = before.tokensSeen
    state.cursor = before.cursor
    state.skippedInARow = before.skippedInARow
    state.skippedTotal = before.skippedTotal
    _ = try files.directory.cutMetrics(toStep: before.step)
    logger.info("resuming", metadata: ["checkpoint": "\(checkpoint.path)", "step": "\(before.step)"])
  }

  /// The checkpoint that the run goes on from; says which newer ones were passed over and why.
  func chosenCheckpoint(_ resume: ResumeChoice, _ directory: RunDirectory) throws -> CheckpointDirectory? {
    switch resume {
    case .fresh:
      // A later resume would take the old run's checkpoints for this one's.
      if let newest = try directory.checkpoints.list().first { throw TrainerError.occupied(newest.path) }
      return nil
    case .checkpoint(let path):
      let checkpoint = try CheckpointDirectory(verifying: path)
      // They would be newer than all that this run writes, and the next resume would take them.
      if let newer = try directory.checkpoints.list().first(where: { $0.step > checkpoint.state?.step ?? 0 }) {
        throw TrainerError.occupied(newer.path)
      }
      return checkpoint
    case .automatic:
      let newest = try directory.checkpoints.newestVerified()
      for (path, reason) in newest.passedOver {
        logger.warning("checkpoint passed over", metadata: ["path": "\(path)", "reason": "\(reason)"])
      }
      return newest.checkpoint
    }
  }

  /// Refuses data of another size: the order of its samples is another one.
  private func requireSameData(_ before: TrainerState, _ path: String) throws {
    for (key, value) in state.invariants where before.invariants[key] ?? value != value {
      throw TrainerError.incompatible(
        checkpoint: path, key: "data (\(key))", found: value.json(pretty: false),
        expected: before.invariants[key]?.json(pretty: false) ?? "null")
    }
  }

  /// Says what may make results differ from those of an uninterrupted run.
  private func warnOfChanges(_ before: TrainerState, program: ProgramVersion?) {
    if before.configDigest != state.configDigest {
      logger.notice("the configuration changed since the checkpoint; the new one holds")
    }
    let changes = [
      ("program", program.map { "\($0.name) \($0.version)" } ?? "unknown", "catlm \(ProgramVersion.current.version)"),
      ("ranks", "\(before.worldSize)", "\(state.worldSize)"),
      ("threads", "\(before.threadCount)", "\(state.threadCount)"),
      ("BLAS and kernels", before.blasCore, state.blasCore),
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
