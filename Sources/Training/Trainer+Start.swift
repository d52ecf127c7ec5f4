internal import Checkpoints
internal import Foundation
internal import Models
internal import Parallel
internal import Settings
internal import Telemetry
internal import TensorCore

extension Trainer {
  /// Rank 0's part of a start: fresh weights, or those of a checkpoint with everything that belongs to it.
  func begin(_ checkpoint: CheckpointDirectory?, _ files: RunFiles) throws {
    sayStart(from: checkpoint?.state?.step ?? 0)
    guard let checkpoint else {
      if let path = config.train.initialWeights {
        try loadInitialWeights(path)
      } else {
        model.parameters.initialize(
          config.model.specs(scheme: config.train.initialization), seed: config.train.seed)
        logger.info("beginning with new weights", metadata: ["seed": "\(config.train.seed)"])
      }
      _ = try files.directory.cutMetrics(toStep: 0)
      return try shareStart(nil)
    }
    guard let before = checkpoint.state else {
      throw TrainerError.notResumable(checkpoint: checkpoint.path, missing: TrainerState.fileName)
    }
    try requireSameRun(checkpoint)
    try requireSameData(before, checkpoint.path)
    warnOfChanges(before, program: checkpoint.manifest?.program)
    for file in checkpoint.unknownFiles {
      logger.warning("a file that the manifest does not know", metadata: ["path": "\(checkpoint.path)/\(file)"])
    }
    state.goOn(from: before)
    _ = try files.directory.cutMetrics(toStep: before.step)
    let elapsed = try ContinuousClock().measure { try shareStart(checkpoint) }
    logger.info(
      "resuming",
      metadata: [
        "checkpoint": "\(checkpoint.path)", "step": "\(before.step)",
        "load_seconds": "\(Format.fixed(elapsed / .seconds(1), digits: 2))",
      ])
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

  /// Refuses a configuration under which the checkpoint's run would not be the same run; says what else changed.
  private func requireSameRun(_ checkpoint: CheckpointDirectory) throws {
    let path = checkpoint.path + "/" + RunConfig.fileInCheckpoint
    // Keys that are newer than the checkpoint have their defaults there.
    let before = try RunConfig(RunFile(path: path, overrides: [])).resolved
    let changes = RunChanges(config.resolved, since: before)
    if let change = changes.refused.first {
      throw TrainerError.incompatible(
        checkpoint: checkpoint.path, key: change.key, found: change.first.json(), expected: change.second.json())
    }
    for change in changes.applied {
      logger.notice(
        "configuration changed since the checkpoint",
        metadata: ["key": "\(change.key)", "before": "\(change.second.json())", "now": "\(change.first.json())"])
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
  ///
  /// - Parameter checkpoint: what rank 0 goes on from; nil for a fresh start, and on the other ranks.
  func shareStart(_ checkpoint: CheckpointDirectory?) throws {
    let start: Setting = [
      "path": .text(checkpoint?.path ?? ""), "digest": .text(checkpoint?.manifest?.digest ?? ""),
      "state": .text(state.text),
    ]
    let shared = try Setting(json: try group.gather(group.rank == 0 ? start.json() : "")[0], source: "rank 0")
    if group.rank != 0 {
      state = try TrainerState(text: Array((shared["state"]?.textValue ?? "").utf8), source: "rank 0")
    }
    optimizer.updateCount = state.step - state.skippedTotal
    let path = shared["path"]?.textValue ?? ""
    if config.checkpoint.reading == .each, !path.isEmpty {
      let own =
        try checkpoint ?? CheckpointDirectory(verifiedElsewhere: path, digest: shared["digest"]?.textValue ?? "")
      try loadWeights(own)
      return try loadMoments(own)
    }
    if let checkpoint { try loadWeights(checkpoint) }
    try model.parameters.weights.withBytes { (bytes) throws(ParallelError) in
      try unsafe group.broadcast(bytes, from: 0)
    }
    if !path.isEmpty { try shareMoments(checkpoint) }
  }
}

extension TrainerState {
  /// Takes over what a run has come to; what describes this program's start stays.
  fileprivate mutating func goOn(from before: TrainerState) {
    step = before.step
    tokensSeen = before.tokensSeen
    cursor = before.cursor
    skippedInARow = before.skippedInARow
    skippedTotal = before.skippedTotal
    spikeTotal = before.spikeTotal
    recentLosses = before.recentLosses
  }
}
