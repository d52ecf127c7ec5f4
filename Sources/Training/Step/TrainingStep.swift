package import Models
package import Optimizers
package import Parallel
internal import Telemetry
package import TensorCore
package import TokenData

/// One step of data-parallel training: every rank computes gradients on its share, gradients are summed, every rank
/// applies the same update, or with a sharded optimizer updates its own weights and receives the others'.
package struct TrainingStep {
  private let model: any LanguageModel
  private let optimizer: AdamW
  private let data: BatchPrefetcher
  private let exchange: GradientExchange
  private let backend: any Backend
  private let train: TrainConfig
  private let schedule: LearningRateSchedule
  private let clock: PhaseClock

  /// - Parameter clock: is told where the time goes.
  package init(
    model: any LanguageModel, optimizer: AdamW, data: any TrainingData, exchange: GradientExchange,
    backend: any Backend, train: TrainConfig, schedule: LearningRateSchedule, clock: PhaseClock = PhaseClock()
  ) {
    self.clock = clock
    self.model = model
    self.optimizer = optimizer
    let share = BatchShare(
      batchSize: train.batchSize, accumulation: train.accumulation, rank: exchange.group.rank,
      rankCount: exchange.group.size)
    let vocabularySize = model.config.vocabularySize
    let trace = clock.trace
    self.data = BatchPrefetcher(end: train.steps) { step throws(TokenError) in
      let start = ContinuousClock.now
      defer { trace?.add("batches of step \(step + 1)", kind: "data", on: .data, from: start) }
      var batches: [TokenBatch] = []
      for index in 0..<train.accumulation {
        batches.append(
          try data.batch(
            step: step, globalBatch: train.batchSize, samples: share.samples(microBatch: index),
            idsBelow: vocabularySize))
      }
      return batches
    }
    self.exchange = exchange
    self.backend = backend
    self.train = train
    self.schedule = schedule
  }

  /// Runs step `step`, counted from 0, and waits for what it found.
  ///
  /// - Parameters: as of ``begin(_:isStopRequested:isSaveRequested:)`` and ``finish(_:lossLimit:)``.
  package func callAsFunction(
    _ step: Int, isStopRequested: Bool, isSaveRequested: Bool = false, lossLimit: Double = .infinity
  ) throws -> StepResult {
    let begun = try begin(step, isStopRequested: isStopRequested, isSaveRequested: isSaveRequested)
    return try finish(begun, lossLimit: lossLimit).result()
  }

  /// Asks for a step's forward and backward passes and for the sums that its update is decided by. Waits for other ranks,
  /// not for the backend.
  ///
  /// - Parameters:
  ///   - step: counted from 0.
  ///   - isStopRequested: whether this rank was asked to stop; ranks agree in the same exchange.
  ///   - isSaveRequested: whether a checkpoint is due by this rank's clock; agreed on likewise.
  package func begin(
    _ step: Int, isStopRequested: Bool, isSaveRequested: Bool = false
  ) throws -> BegunStep {
    exchange.group.note(step: step + 1, phase: .gradients)
    let batches = try clock.measure(.data) { () throws(TokenError) in try data.batches(step: step) }
    let chunkSizes = (0..<train.accumulation).map {
      train.chunks.size(step: step, microBatch: $0, accumulation: train.accumulation, seed: train.seed)
    }
    var counts = [
      batches.reduce(0) { $0 + $1.targetCount }, batches.reduce(0) { $0 + $1.inputs.count }, isStopRequested ? 1 : 0,
      isSaveRequested ? 1 : 0, operationCount(of: batches, chunkSizes: chunkSizes),
    ]
    try clock.measure(.communication) { () throws(ParallelError) in try exchange.allReduce(&counts) }
    let begun = BegunStep(
      step: step, chunkSizes: chunkSizes, targetCount: counts[0], tokenCount: counts[1], stopRequestCount: counts[2],
      saveRequestCount: counts[3], operationCount: counts[4])
    optimizer.beginStep()
    try makeGradients(begun, of: batches)
    exchange.group.note(step: step + 1, phase: .optimizer)
    clock.measure(.optimizer) { optimizer.addSquares() }
    if exchange.isSharded {
      try clock.measure(.communication) { () throws(ParallelError) in try exchange.allReduce(optimizer.sumOfSquares) }
    }
    return begun
  }

  /// Asks for the update, which the backend decides about: there is none if the loss or the gradients' norm is not finite,
  /// or the loss is above the limit.
  ///
  /// - Parameter lossLimit: the same on all ranks.
  package func finish(_ begun: BegunStep, lossLimit: Double) throws(ParallelError) -> PendingStep {
    let rate = optimizer.config.learningRate * schedule.share(step: begun.step, of: train.steps)
    // Loss and gradients are sums over all ranks, so all ranks decide alike.
    let control = clock.measure(.optimizer) {
      optimizer.update(rate: rate, targetCount: begun.targetCount, lossThreshold: lossLimit)
    }
    try clock.measure(.communication) { () throws(ParallelError) in try exchange.shareWeights() }
    return PendingStep(begun: begun, learningRate: rate, control: control, communication: exchange.takeTime())
  }

  /// Leaves the gradient of the mean loss over all ranks in the flat buffer, and the summed loss of all ranks with the
  /// optimizer.
  private func makeGradients(_ begun: BegunStep, of batches: [TokenBatch]) throws(ParallelError) {
    guard let gradients = model.parameters.gradients else { preconditionFailure("training step: no gradients") }
    clock.measure(.optimizer) { backend.fill(gradients, with: 0) }
    let parts = zip(batches, begun.chunkSizes).filter { $0.0.targetCount > 0 }
    for (index, (batch, chunkSize)) in parts.enumerated() {
      let tape = clock.measure(.forward) { recordLoss(begun, of: batch, chunkSize: chunkSize) }
      clock.measure(.backward) {
        observeOps(of: tape, chunkSize: chunkSize)
        guard index == parts.count - 1 else { return tape.backward() }
        exchange.begin(writes: tape.outstandingWrites)
        tape.backward(onWritten: exchange.finish)
      }
    }
    if parts.isEmpty { exchange.begin(writes: []) }
    try clock.measure(.communication) { () throws(ParallelError) in
      try exchange.finishGradients()
      try exchange.allReduce(optimizer.lossSum)
    }
  }

  /// From now on each op of a tape is added to the trace, with the first of the parameters that it is about; an op begins
  /// where the one before it ends. Nothing while nothing is traced.
  private func observeOps(of tape: Tape, chunkSize: Int) {
    guard let trace = clock.trace, trace.isActive else { return }
    let parameters = model.parameters
    let names = zip(parameters.ranges, parameters.specs).map { (start: $0.lowerBound, name: $1.name) }
    var mark = ContinuousClock.now
    tape.onOp = { op, writes, isBackward in
      let name = "\(op)".prefix { $0 != "(" }
      let parameter = writes.first.flatMap { write in names.last { $0.start <= write.lowerBound }?.name }
      let end = ContinuousClock.now
      trace.add(
        isBackward ? "\(name) backward" : String(name), kind: "op", on: .steps, from: mark, to: end,
        details: [("chunk_size", chunkSize)], parameter: parameter)
      mark = .now
    }
  }

  /// Operations of this rank's share, forward and backward, at the chunk sizes that it runs at.
  private func operationCount(of batches: [TokenBatch], chunkSizes: [Int]) -> Int {
    let costs = zip(batches, chunkSizes).map { batch, size in
      batch.targetCount == 0
        ? 0
        : ModelCost(
          model.config, lengths: batch.lengths, targetCount: batch.targetCount, chunkSize: size
        ).trainingOperations
    }
    return Int(costs.reduce(0, +))
  }

  /// Runs a micro-batch forwards and adds its loss to the step's.
  private func recordLoss(_ begun: BegunStep, of batch: TokenBatch, chunkSize: Int) -> Tape {
    let number = begun.step + 1
    exchange.group.note(step: number, phase: .gradients)
    let tape = Tape(
      backend: backend, isRecording: true, recomputation: train.recomputation,
      onProgress: { exchange.group.note(step: number, phase: .gradients) })
    observeOps(of: tape, chunkSize: chunkSize)
    let head = model.loss(
      ids: batch.inputs, targets: batch.targets, lengths: batch.lengths, chunkSize: chunkSize,
      gradientScale: 1 / Float(begun.targetCount), tape: tape)
    backend.add(head.totals.rows(0..<1), to: optimizer.lossSum)
    return tape
  }
}

/// A step whose gradients are asked for: what all ranks know of it before it is computed.
package struct BegunStep: Sendable {
  /// Counted from 0.
  let step: Int
  /// Chunk size of each micro-batch.
  package let chunkSizes: [Int]
  /// Targets of the global batch.
  package let targetCount: Int
  /// Tokens of the global batch.
  package let tokenCount: Int
  /// Ranks that were asked to stop.
  package let stopRequestCount: Int
  /// Ranks by whose clock a checkpoint is due.
  package let saveRequestCount: Int
  /// Multiplications and additions of the model in the step, those of all ranks.
  let operationCount: Int
}

/// A step that is asked for as a whole.
package struct PendingStep {
  package let begun: BegunStep
  let learningRate: Double
  let control: PendingControl
  let communication: CommunicationTime

  /// Waits for what the step found.
  package func result() -> StepResult {
    let found = control.wait()
    return StepResult(
      loss: found.loss, gradientNorm: found.gradientNorm, learningRate: learningRate, chunkSizes: begun.chunkSizes,
      tokenCount: begun.tokenCount, targetCount: begun.targetCount, isUpdated: found.isUpdated,
      isSpike: found.isSpike, stopRequestCount: begun.stopRequestCount, saveRequestCount: begun.saveRequestCount,
      communication: communication, operationCount: begun.operationCount)
  }
}
