internal import MemoryPlans
internal import Parallel
internal import Telemetry
package import TensorCore

/// The memory that a run takes at most on one rank, known before it starts.
package struct MemoryPlan: Hashable, Sendable {
  /// Weights, gradients, moments, and all that steps and validation add to them.
  package let tensorBytes: Int
  /// The copy of weights and moments that checkpoints are written from in the background: on rank 0 alone.
  package let snapshotBytes: Int

  /// Ids and targets of a rank's share of a batch, which are made before the step.
  package let idBytes: Int

  package var byteCount: Int { tensorBytes + snapshotBytes + idBytes }

  /// Bytes of a model that no addresses are left for.
  private static let largestModel = 1 << 45

  /// - Parameters:
  ///   - mostSequences: of a sample that is cut at the boundaries of documents.
  ///   - largestBytes: beyond this many bytes the run is refused anyway: what takes more is not planned to the end.
  ///   - makeBackend: gives a backend that computes nothing, new each time.
  package init(
    _ config: RunConfig, rank: Int, rankCount: Int, mostSequences: Int = 1, largestBytes: Int = .max,
    makeBackend: () -> any Backend
  ) {
    let count = config.model.specs(scheme: .fla).reduce(0) { $0 + $1.count }
    let isSharded = config.parallel.shardsOptimizer && rankCount > 1
    let isCopied = rank == 0 && config.checkpoint.mode == .asynchronous && !isSharded
    let size = DType.float32.byteCount
    snapshotBytes = isCopied ? 3 * count * size : 0
    let share = (Double(config.train.batchSize) / Double(rankCount)).rounded(.up)
    idBytes = Int(min(8 * share * Double(config.data.context), 1e18))
    let modelBytes = 2 * (count + (isSharded ? count / rankCount : count)) * size
    guard modelBytes < min(Self.largestModel, largestBytes) else {
      tensorBytes = modelBytes
      return
    }
    let buckets = BucketPlan(count: count, bucketBytes: config.parallel.bucketBytes)
    let plan = TensorPlan(
      model: config.model, optimizer: config.optimizer, recomputation: config.train.recomputation,
      steps: config.train.firstSteps, laterSteps: config.train.laterSteps,
      sampleCount: config.train.largestShare(rankCount: rankCount),
      length: config.data.context, mostSequences: mostSequences,
      validation: (config.validatedAtATime, config.train.chunks.sizes),
      samples: config.samplePlan,
      owned: isSharded ? buckets.owned(by: rank, of: rankCount) : nil)
    let leastBytes = modelBytes + plan.leastSampleBytes
    tensorBytes = leastBytes < largestBytes ? plan.peakBytes(makeBackend: makeBackend) : leastBytes
  }

  /// Such as `1.2 GiB of tensors a rank, 300.0 MiB for the copy of a checkpoint`.
  var summary: String {
    "\(Format.bytes(tensorBytes)) of tensors a rank"
      + (snapshotBytes > 0 ? ", \(Format.bytes(snapshotBytes)) for the copy of a checkpoint" : "")
  }

  /// Refuses a run that has no room. All ranks call it, and all throw alike.
  func requireRoom(_ room: MemoryRoom, for config: RunConfig, in group: any ProcessGroup) throws {
    try room.require(byteCount, remedies: remedies(config, rankCount: group.size), in: group)
  }

  /// Keys that lower what a run takes, as far as they are not set so.
  private func remedies(_ config: RunConfig, rankCount: Int) -> [String] {
    let train = config.train
    var remedies: [String] = []
    if train.batchSize > 1 { remedies.append("a smaller train.batch_size (\(train.batchSize))") }
    if train.accumulation < train.batchSize { remedies.append("more train.accumulation (\(train.accumulation))") }
    if train.recomputation != .blocks { remedies.append("train.recompute=blocks (\(train.recomputation.rawValue))") }
    if rankCount > 1, !config.parallel.shardsOptimizer { remedies.append("parallel.shard_optimizer=true (false)") }
    // Rank 0 alone has the copy, and all ranks are to say the same.
    if config.checkpoint.mode == .asynchronous, !(config.parallel.shardsOptimizer && rankCount > 1) {
      remedies.append("checkpoint.mode=blocking (async)")
    }
    return remedies
  }
}

extension TrainConfig {
  /// Steps and micro-batches that are made one by one: what is free where hangs on which size follows which.
  private static let plannedSteps = 6
  private static let plannedMicroBatches = 8

  fileprivate var firstSteps: [[Int]] {
    (0..<min(steps, Self.plannedSteps)).map { step in
      (0..<min(accumulation, Self.plannedMicroBatches)).map {
        chunks.size(step: step, microBatch: $0, accumulation: accumulation, seed: seed)
      }
    }
  }

  /// All that may come: each size after each of its neighbours.
  fileprivate var laterSteps: [[Int]] {
    guard steps > Self.plannedSteps else { return [] }
    let sizes = chunks.sizes.sorted()
    return (sizes + sizes.reversed() + sizes).map { [$0] }
  }

  /// Most samples that a rank has of a micro-batch.
  fileprivate func largestShare(rankCount: Int) -> Int {
    let microBatch = (batchSize + accumulation - 1) / accumulation
    return (microBatch + rankCount - 1) / rankCount
  }
}

extension RunConfig {
  /// Most samples of a batch of validation; 0 if there is none.
  fileprivate var validatedAtATime: Int {
    guard data.kind == .mqar || !data.validationPaths.isEmpty else { return 0 }
    return min(validationBatchSize, data.validationSampleCount ?? validationBatchSize)
  }
}
