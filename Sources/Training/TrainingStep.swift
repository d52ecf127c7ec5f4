package import Models
package import Optimizers
package import Parallel
package import TensorCore
package import TokenData

/// One step of data-parallel training: every rank computes gradients on its share, gradients are summed, every rank
/// applies the same update, or with a sharded optimizer updates its own weights and receives the others'.
package struct TrainingStep {
  private let model: any LanguageModel
  private let optimizer: AdamW
  private let data: any TrainingData
  private let exchange: GradientExchange
  private let backend: any Backend
  private let train: TrainConfig
  private let schedule: LearningRateSchedule

  package init(
    model: any LanguageModel, optimizer: AdamW, data: any TrainingData, exchange: GradientExchange,
    backend: any Backend, train: TrainConfig, schedule: LearningRateSchedule
  ) {
    self.model = model
    self.optimizer = optimizer
    self.data = data
    self.exchange = exchange
    self.backend = backend
    self.train = train
    self.schedule = schedule
  }

  /// Runs step `step`, counted from 0.
  ///
  /// - Parameters:
  ///   - isStopRequested: whether this rank was asked to stop; ranks agree in the same exchange.
  ///   - isSaveRequested: whether a checkpoint is due by this rank's clock; agreed on likewise.
  ///   - isSpike: whether a finished step's loss stands out, so that its update is skipped. It must answer alike on all
  ///     ranks.
  package func callAsFunction(
    _ step: Int, isStopRequested: Bool, isSaveRequested: Bool = false, isSpike: (StepResult) -> Bool = { _ in false }
  ) throws(ParallelError) -> StepResult {
    exchange.group.note(step: step + 1, phase: .gradients)
    let batches = microBatches(step)
    var counts = [
      batches.reduce(0) { $0 + $1.targetCount }, batches.reduce(0) { $0 + $1.inputs.count }, isStopRequested ? 1 : 0,
      isSaveRequested ? 1 : 0,
    ]
    try exchange.sum(&counts)
    let chunkSizes = (0..<train.accumulation).map {
      train.chunks.size(step: step, microBatch: $0, accumulation: train.accumulation, seed: train.seed)
    }
    let lossSum = try gradients(step, of: batches, chunkSizes: chunkSizes, targetCount: counts[0])
    exchange.group.note(step: step + 1, phase: .optimizer)
    var result = StepResult(
      loss: lossSum / Double(max(1, counts[0])), gradientNorm: try gradientNorm(),
      learningRate: optimizer.config.learningRate * schedule.share(step: step, of: train.steps),
      chunkSizes: chunkSizes, tokenCount: counts[1], targetCount: counts[0], isUpdated: false,
      stopRequestCount: counts[2], saveRequestCount: counts[3])
    // Loss and gradients are sums over all ranks, so all ranks decide alike.
    let isFinite = result.loss.isFinite && result.gradientNorm.isFinite
    result.isSpike = isFinite && isSpike(result)
    if isFinite && !result.isSpike {
      optimizer.step(rate: result.learningRate, gradientNorm: result.gradientNorm)
      try exchange.shareWeights()
      result.isUpdated = true
    }
    result.communication = exchange.takeTime()
    return result
  }

  private func microBatches(_ step: Int) -> [TokenBatch] {
    let share = BatchShare(
      batchSize: train.batchSize, accumulation: train.accumulation, rank: exchange.group.rank,
      rankCount: exchange.group.size)
    return (0..<train.accumulation).map {
      data.batch(step: step, globalBatch: train.batchSize, samples: share.samples(microBatch: $0))
    }
  }

  /// Leaves the gradient of the mean loss over all ranks in the flat buffer; returns the summed loss of all ranks.
  private func gradients(
    _ step: Int, of batches: [TokenBatch], chunkSizes: [Int], targetCount: Int
  ) throws(ParallelError) -> Double {
    guard let gradients = model.parameters.gradients else { preconditionFailure("training step: no gradients") }
    backend.fill(gradients, with: 0)
    var lossSum = [0.0]
    let parts = zip(batches, chunkSizes).filter { $0.0.targetCount > 0 }
    for (index, (batch, chunkSize)) in parts.enumerated() {
      exchange.group.note(step: step + 1, phase: .gradients)
      let tape = Tape(
        backend: backend, isRecording: true, recomputation: train.recomputation,
        onProgress: { exchange.group.note(step: step + 1, phase: .gradients) })
      let head = model.loss(
        ids: batch.inputs, targets: batch.targets, sampleCount: batch.sampleCount, length: batch.length,
        chunkSize: chunkSize, gradientScale: 1 / Float(targetCount), tape: tape)
      lossSum[0] += head.lossSum
      guard index == parts.count - 1 else {
        tape.backward()
        continue
      }
      exchange.begin(writes: tape.outstandingWrites)
      tape.backward(onWritten: exchange.finish)
    }
    if parts.isEmpty { exchange.begin(writes: []) }
    try exchange.finishGradients()
    try exchange.sum(&lossSum)
    return lossSum[0]
  }

  private func gradientNorm() throws(ParallelError) -> Double {
    guard exchange.isSharded else { return optimizer.gradientNorm() }
    var squares = [optimizer.sumOfSquares()]
    try exchange.sum(&squares)
    return squares[0].squareRoot()
  }
}
