internal import Checkpoints
internal import Foundation
internal import Logging
internal import Models
internal import Parallel
internal import Telemetry
internal import TensorCore

/// What a step takes at one chunk size.
private struct StepCost {
  let chunkSize: Int
  /// Of a whole step, in seconds.
  let seconds: Double
  let tokenCount: Int
  /// Multiplications and additions of all ranks.
  let operations: Double
}

extension Trainer {
  /// Makes the checks of a start and a part of a step at every chunk size, says what was found, and leaves nothing
  /// behind: no file, no lock. All ranks call it.
  ///
  /// - Throws: what a start would throw.
  package func rehearse(_ resume: ResumeChoice) throws {
    let exchange = try makeExchange()
    var start = [0]
    if group.rank == 0 {
      try rehearseStart(resume)
      start = [state.step]
    }
    try group.allReduce(.sum, &start)
    guard start[0] < config.train.steps else {
      if group.rank == 0 { logger.info("the run is finished", metadata: ["steps": "\(start[0])"]) }
      return try exchange.close()
    }
    model.parameters.initialize(config.model.specs(scheme: config.train.initialization), seed: config.train.seed)
    let costs = try config.train.chunks.sizes.map { try stepCost(chunkSize: $0, exchange) }
    try exchange.close()
    guard group.rank == 0 else { return }
    sayCosts(costs, stepCount: config.train.steps - start[0])
    logger.info("dry run: nothing was written; the same command without --dry-run trains")
  }

  /// Rank 0's checks: of what the run would go on from or begin with, and of the place that it would write to.
  private func rehearseStart(_ resume: ResumeChoice) throws {
    let checkpoint = try rehearsedCheckpoint(resume)
    sayStart(from: checkpoint?.state?.step ?? 0)
    if let checkpoint {
      try goOn(from: checkpoint)
      logger.info("would resume", metadata: ["checkpoint": "\(checkpoint.path)", "step": "\(state.step)"])
    } else if let path = config.train.initialWeights {
      try loadInitialWeights(path)
    } else {
      logger.info("would begin with new weights", metadata: ["seed": "\(config.train.seed)"])
    }
    try checkDisk()
  }

  private func rehearsedCheckpoint(_ resume: ResumeChoice) throws -> CheckpointDirectory? {
    // A run directory that is not there is not made.
    if FileManager.default.fileExists(atPath: runPath) {
      return try chosenCheckpoint(resume, RunDirectory(path: runPath, disk: disk))
    }
    guard case .checkpoint(let path) = resume else { return nil }
    return try CheckpointDirectory(verifying: path)
  }

  /// Refuses a run directory that could not be made or written to; says how much room checkpoints need and have.
  private func checkDisk() throws {
    var folder = URL(filePath: runPath).standardizedFileURL
    while !FileManager.default.fileExists(atPath: folder.path), folder.path != "/" { folder.deleteLastPathComponent() }
    guard access(folder.path, W_OK | X_OK) == 0 else {
      throw CheckpointError.system(call: "access", path: folder.path, code: errno)
    }
    var system = statvfs()
    guard statvfs(folder.path, &system) == 0 else { return }
    let free = Int(clamping: UInt64(system.f_bavail) * UInt64(system.f_frsize))
    let each = 3 * parameterCount * DType.float32.byteCount
    let needed = each * (config.checkpoint.keepLast + 1)
    let text =
      "disk: a checkpoint takes \(Format.bytes(each)), those that are kept and one in the making "
      + "\(Format.bytes(needed)); \(Format.bytes(free)) free at \(folder.path)"
    logger.log(level: needed > free ? .warning : .info, "\(text)")
  }

  // MARK: Cost

  /// Times one micro-batch and its update; a step makes as many as it accumulates.
  private func stepCost(chunkSize: Int, _ exchange: GradientExchange) throws -> StepCost {
    var train = config.train
    train.batchSize = (config.train.batchSize + config.train.accumulation - 1) / config.train.accumulation
    train.accumulation = 1
    train.chunks = ChunkSchedule(sizes: [chunkSize])
    let step = TrainingStep(
      model: model, optimizer: optimizer, data: training, exchange: exchange, backend: backend, train: train,
      schedule: config.schedule)
    func seconds() throws -> Double {
      try ContinuousClock().measure { _ = try step(0, isStopRequested: false) } / .seconds(1)
    }
    // The first step allocates, which is of no account where it takes long. All ranks decide alike.
    let first = try group.allReduce(.max, try seconds())
    let shortest = first > 10 ? first : min(first, try seconds())
    let batch = training.batch(step: 0, globalBatch: train.batchSize, samples: 0..<train.batchSize)
    let cost = ModelCost(
      config.model, lengths: batch.lengths, targetCount: batch.targetCount, chunkSize: chunkSize)
    let count = Double(config.train.accumulation)
    return StepCost(
      chunkSize: chunkSize, seconds: shortest * count, tokenCount: batch.inputs.count * config.train.accumulation,
      operations: cost.trainingOperations * count)
  }

  private func sayCosts(_ costs: [StepCost], stepCount: Int) {
    for cost in costs {
      let place = config.model.chunkSizes == nil ? "" : " at chunk size \(cost.chunkSize)"
      logger.info(
        """
        a step\(place): \(Format.fixed(cost.seconds, digits: 3)) s, \
        \(Format.count(Double(cost.tokenCount) / cost.seconds)) tokens/s, \
        \(Format.count(cost.operations)) floating-point operations
        """)
    }
    let weights = config.train.chunks.kind == .uniform ? config.train.chunks.weights : costs.map { _ in 1 }
    let mean = zip(costs, weights).reduce(0) { $0 + $1.0.seconds * $1.1 } / weights.reduce(0, +)
    let steps = stepCount == 1 ? "the step" : "the \(Format.grouped(stepCount)) steps"
    logger.info(
      """
      \(steps) to go take about \(Format.duration(.seconds(mean * Double(stepCount)))), \
      without validation and checkpoints
      """)
  }
}
