internal import Checkpoints
internal import Foundation
internal import JSON
internal import Models
internal import Parallel
internal import Settings
internal import Telemetry
internal import TensorCore

extension Trainer {
  /// Rank 0's part of a start: fresh weights, or those of a checkpoint with everything that belongs to it.
  func begin(_ checkpoint: CheckpointDirectory?, _ files: RunFiles, _ collectives: any Collectives) throws {
    sayStart(from: checkpoint?.state?.step ?? 0)
    guard let checkpoint else {
      if let path = config.train.initialWeights {
        try loadInitialWeights(path)
      } else {
        model.parameters.initialize(
          config.model.specs(scheme: config.train.initialization), seed: config.train.seed)
        logger.info("beginning with new weights", fields: ["seed": "\(config.train.seed)"])
      }
      try cutMetrics(files.directory, toStep: 0, why: "no checkpoint has it, the run begins at step 1")
      return try shareStart(nil, collectives)
    }
    try goOn(from: checkpoint)
    try cutMetrics(files.directory, toStep: state.step, why: "the run goes on from step \(state.step)")
    let elapsed = try ContinuousClock().measure { try shareStart(checkpoint, collectives) }
    logger.info(
      "resuming",
      fields: [
        "checkpoint": "\(checkpoint.path)", "step": "\(state.step)",
        "load_seconds": "\(Format.fixed(elapsed / .seconds(1), digits: 2))",
      ])
  }

  /// Takes over what the checkpoint's run has come to, its tensors apart; refuses one that this run does not go on from,
  /// and says what has changed since.
  func goOn(from checkpoint: CheckpointDirectory) throws {
    guard let before = checkpoint.state else {
      throw TrainerError.notResumable(checkpoint: checkpoint.path, missing: TrainerState.fileName)
    }
    let changes = try changes(since: checkpoint, before)
    try requireSameData(before, checkpoint.path)
    for change in changes {
      logger.notice(
        "configuration changed since the checkpoint",
        fields: ["key": "\(change.key)", "before": "\(change.second.plain)", "now": "\(change.first.plain)"])
    }
    warnOfChanges(before, program: checkpoint.manifest?.program)
    for file in checkpoint.unknownFiles {
      logger.warning("a file that the manifest does not know", fields: ["path": "\(checkpoint.path)/\(file)"])
    }
    state.goOn(from: before)
  }

  /// The checkpoint that the run goes on from; says which newer ones were passed over and why.
  func chosenCheckpoint(_ resume: ResumeChoice, _ directory: RunDirectory) throws -> CheckpointDirectory? {
    switch resume {
    case .fresh:
      // A later resume would take the old run's checkpoints for this one's.
      if let newest = try directory.checkpoints.list().first { throw TrainerError.occupied(newest.path) }
      return nil
    case .checkpoint(let path):
      let checkpoint = try CheckpointDirectory.named(path) { warnOfPassedOver($0, $1) }
      guard checkpoint.manifest != nil else {
        throw TrainerError.notResumable(checkpoint: checkpoint.path, missing: "manifest.json")
      }
      // They would be newer than all that this run writes, and the next resume would take them.
      if let newer = try directory.checkpoints.list().first(where: { $0.step > checkpoint.state?.step ?? 0 }) {
        throw TrainerError.occupied(newer.path)
      }
      return checkpoint
    case .automatic:
      let newest = try directory.checkpoints.newestVerified()
      // What was trained is not thrown away in silence.
      guard newest.checkpoint != nil || newest.passedOver.isEmpty else {
        throw TrainerError.noneIntact(directory.checkpoints.directory, reasons: newest.passedOver.map(\.reason))
      }
      for (path, reason) in newest.passedOver {
        warnOfPassedOver(path, reason)
      }
      return newest.checkpoint
    }
  }

  func warnOfPassedOver(_ path: String, _ reason: String) {
    logger.warning("checkpoint passed over", fields: ["path": "\(path)", "reason": "\(reason)"])
  }

  /// Takes lines out of the metrics that this start does not go on from, and says so.
  private func cutMetrics(_ directory: RunDirectory, toStep step: Int, why: String) throws {
    let cut = try directory.cutMetrics(toStep: step)
    try EventFile.cut(in: directory.path, toStep: step)
    try RunLogFile.cut(at: directory.logPath, toStep: step)
    if cut.laterCount > 0 {
      logger.notice(
        "metrics of later steps are taken out", fields: ["lines": "\(cut.laterCount)", "reason": "\(why)"])
    }
    if !cut.tornLines.isEmpty {
      logger.notice(
        "lines of the metrics that are not whole are taken out", fields: ["lines": "\(cut.tornLines.count)"])
    }
  }

  /// What the configuration changes in the checkpoint's run; refuses one under which it would not be the same run, and
  /// one that is not that of a run that is finished.
  private func changes(
    since checkpoint: CheckpointDirectory, _ state: TrainerState
  ) throws -> [JSONDifference] {
    let path = checkpoint.path + "/" + CheckpointDirectory.runConfigName
    // Keys that are newer than the checkpoint have their defaults there.
    let before = try RunConfig(RunFile(path: path, overrides: [])).resolved
    let changes = RunChanges(
      config.resolved, since: before, knowsData: state.invariants[DataIdentity.key] != nil && data != nil)
    if let change = changes.refused.first {
      throw TrainerError.incompatible(
        checkpoint: checkpoint.path, key: change.key, found: change.first.json(), expected: change.second.json())
    }
    if state.step >= config.train.steps, !changes.ofResults.isEmpty {
      throw TrainerError.finished(checkpoint: checkpoint.path, steps: state.step, changes: changes.ofResults)
    }
    return changes.applied
  }

  /// Refuses other data: the order of its samples, or what is in them, is another one.
  private func requireSameData(_ before: TrainerState, _ path: String) throws {
    for (key, value) in state.invariants where key != DataIdentity.key && before.invariants[key] ?? value != value {
      throw TrainerError.incompatible(
        checkpoint: path, key: "data (\(key))", found: value.json(pretty: false),
        expected: before.invariants[key]?.json(pretty: false) ?? "null")
    }
    guard let data else { return }
    guard let expected = before.invariants[DataIdentity.key].flatMap(DataIdentity.init(reading:)) else {
      return logger.warning(
        "the checkpoint does not say what its data held; it could not be compared with this run's",
        fields: ["checkpoint": "\(path)"])
    }
    if let difference = data.difference(from: expected) {
      throw TrainerError.incompatible(
        checkpoint: path, key: "data.\(config.data.sources.isEmpty ? "train" : "sources") (\(difference.subject))",
        found: difference.found,
        expected: difference.expected)
    }
  }

  /// Says what may make results differ from those of an uninterrupted run.
  private func warnOfChanges(_ before: TrainerState, program: ProgramVersion?) {
    var changes = [
      ("program", program.map { "\($0.name) \($0.version)" } ?? "unknown", "catlm \(ProgramVersion.current.version)"),
      ("ranks", "\(before.worldSize)", "\(state.worldSize)"),
      ("threads", "\(before.threadCount)", "\(state.threadCount)"),
      ("BLAS and kernels", before.blasCore, state.blasCore),
    ]
    if let old = before.sumOrder, let new = state.sumOrder {
      changes.append(("the order of sums over ranks", old, new))
    }
    for (what, old, new) in changes where old != new {
      logger.warning(
        "results agree within rounding, not to the bit: \(what) changed", fields: ["from": "\(old)", "to": "\(new)"])
    }
  }

  /// Sends rank 0's start to all ranks. Weights are made once, since machines may round differently.
  ///
  /// - Parameter checkpoint: what rank 0 goes on from; nil for a fresh start, and on the other ranks.
  func shareStart(_ checkpoint: CheckpointDirectory?, _ collectives: any Collectives) throws {
    let start: JSONValue = [
      "path": .text(checkpoint?.path ?? ""), "digest": .text(checkpoint?.manifest?.digest ?? ""),
      "state": .text(state.text),
    ]
    let shared = try JSONValue(json: try group.allGather(group.rank == 0 ? start.json() : "")[0], source: "rank 0")
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
    collectives.broadcast(model.parameters.weights, from: 0, after: backend.pool.memory.recordEvent())
    try collectives.join()
    if !path.isEmpty { try shareMoments(checkpoint, collectives) }
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
