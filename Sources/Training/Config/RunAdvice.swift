internal import TokenData

/// What a run is allowed to do but is seldom meant to: a line each, for the log.
struct RunAdvice {
  private(set) var lines: [String] = []

  /// - Parameters:
  ///   - samplesPerEpoch: samples of the training data; nil where they never repeat.
  ///   - sharedShards: files that are both trained and measured on.
  init(_ config: RunConfig, rankCount: Int, samplesPerEpoch: Int?, sharedShards: [String]) {
    adviseOnSchedule(config)
    adviseOnRanks(config.train, rankCount)
    adviseOnData(config.train, samplesPerEpoch, sharedShards)
  }

  private mutating func adviseOnSchedule(_ config: RunConfig) {
    let (steps, schedule) = (config.train.steps, config.schedule)
    if config.optimizer.learningRate == 0 {
      lines.append("optimizer.learning_rate is 0: the weights stay what they are")
    }
    if schedule.warmupSteps >= steps {
      lines.append(
        "schedule.warmup_steps (\(schedule.warmupSteps)) takes all of train.steps (\(steps)): the learning rate "
          + (schedule.warmupSteps > steps ? "never reaches its peak" : "reaches its peak with the last step"))
    } else if schedule.kind == .wsd, schedule.warmupSteps + schedule.decaySteps > steps {
      lines.append(
        "schedule.warmup_steps (\(schedule.warmupSteps)) and schedule.decay_steps (\(schedule.decaySteps)) are more than "
          + "train.steps (\(steps)): the decay begins when the warm-up ends")
    }
  }

  private mutating func adviseOnRanks(_ train: TrainConfig, _ rankCount: Int) {
    let sampleCount = max(1, train.batchSize / train.accumulation)
    guard sampleCount < rankCount else { return }
    let cut = train.accumulation == 1 ? "" : " of train.batch_size (\(train.batchSize)) in \(train.accumulation) parts"
    lines.append(
      "\(rankCount) ranks share \(sampleCount == 1 ? "1 sample" : "\(sampleCount) samples")\(cut): "
        + "\(rankCount - sampleCount) of them have nothing to do in each micro-batch")
  }

  private mutating func adviseOnData(_ train: TrainConfig, _ samplesPerEpoch: Int?, _ sharedShards: [String]) {
    if let first = sharedShards.first {
      let rest = sharedShards.count == 1 ? "" : " and \(sharedShards.count - 1) more"
      lines.append(
        "data.validation measures on what is trained on (\(first)\(rest)): its losses say nothing about other text")
    }
    guard let samplesPerEpoch, samplesPerEpoch > 0 else { return }
    let epochs = Double(train.steps) * Double(train.batchSize) / Double(samplesPerEpoch)
    if epochs >= Self.manyEpochs {
      lines.append(
        "train.steps of train.batch_size samples go \(Int(epochs)) times over the \(samplesPerEpoch) samples of "
          + "data.train: the model will know them by heart")
    }
  }

  /// Published runs of models on little text go over it some tens of times.
  private static let manyEpochs = 100.0
}
