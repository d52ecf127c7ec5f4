internal import Logging
internal import Telemetry

/// What a run says at its start and at its end. On rank 0 alone.
extension Trainer {
  /// - Parameter step: steps that are done.
  func sayStart(from step: Int) {
    logger.info("\(runLine(from: step))")
    logger.info("\(modelLine)")
    logger.info("\(dataLine)")
    for line in sourceLines { logger.info("\(line)") }
    logger.info("\(host.summary)")
    if let memory {
      let room = host.room.largestBytes
      let available = (room == .max ? nil : room).map { "; \(Format.bytes($0)) available" } ?? ""
      logger.info("memory: \(memory.summary)\(available)")
    }
    let advice = RunAdvice(
      config, rankCount: group.size, samplesPerEpoch: training.samplesPerEpoch,
      sharedShards: (try? config.data.sharedShards()) ?? [])
    for line in advice.lines { logger.warning("\(line)") }
  }

  /// Such as `run: runs/a, steps 1 to 2,000 of 12 samples of 128 tokens, float32`.
  private func runLine(from step: Int) -> String {
    let (train, context) = (config.train, config.data.context)
    let steps =
      step < train.steps
      ? "steps \(Format.grouped(step + 1)) to \(Format.grouped(train.steps))"
      : "\(Format.grouped(train.steps)) steps, all done,"
    let length = training.samplesPerEpoch == nil ? "up to \(context)" : "\(context)"
    let samples = train.batchSize == 1 ? "1 sample" : "\(Format.grouped(train.batchSize)) samples"
    return "run: \(runPath), \(steps) of \(samples) of \(length) tokens, \(train.precision.rawValue)"
  }

  /// Such as `model: cat, 1,693,568 parameters, chunk sizes 2, 4, 8, 16`.
  private var modelLine: String {
    let count = "model: \(config.model.modelType), \(Format.grouped(parameterCount)) parameters"
    guard config.model.chunkSizes != nil else { return count }
    return count + ", chunk sizes " + config.train.chunks.sizes.map(String.init).joined(separator: ", ")
  }

  /// Such as `data: 1,003,854 tokens; an epoch of 7,842 samples is 653.5 steps, the run 3.1 epochs; validation: 871 samples`.
  private var dataLine: String {
    let validated = validation.map { "; validation: \(Format.grouped($0.sampleCount)) samples" } ?? "; no validation"
    let sources = training.sources
    if sources.count > 1, let tokens = training.tokenCount {
      return "data: \(Format.grouped(tokens)) tokens of \(sources.count) sources" + validated
    }
    guard let samples = training.samplesPerEpoch, let tokens = training.tokenCount else {
      return "data: \(config.data.kind.rawValue), made while training, never repeated" + validated
    }
    let epoch = Double(samples) / Double(config.train.batchSize)
    let epochs = Format.fixed(Double(config.train.steps) / epoch, digits: 1)
    return "data: \(Format.grouped(tokens)) tokens; an epoch of \(Format.grouped(samples)) samples is "
      + "\(Format.fixed(epoch, digits: 1)) steps, the run \(epochs) epochs" + validated
  }

  /// Such as `source data/code: 30.0 % of the samples; 1,003,854 tokens; an epoch is 7,842 samples, the run 1.2 epochs`;
  /// none for data of one source.
  private var sourceLines: [String] {
    let sources = training.sources
    guard sources.count > 1 else { return [] }
    return sources.map { source in
      let drawn = source.share * Double(config.train.steps) * Double(config.train.batchSize)
      return "source \(source.name): \(Format.fixed(100 * source.share, digits: 1)) % of the samples; "
        + "\(Format.grouped(source.tokenCount)) tokens; an epoch is \(Format.grouped(source.sampleCount)) samples, "
        + "the run \(Format.fixed(drawn / Double(source.sampleCount), digits: 1)) epochs"
    }
  }

  /// - Parameters:
  ///   - startStep: steps that were done at this start.
  ///   - startTokens: tokens that were seen by then.
  func sayEnd(_ recorder: RunRecorder, startStep: Int, startTokens: Int) {
    guard group.rank == 0 else { return }
    let elapsed = ContinuousClock.now - recorder.startInstant
    let rate = Format.count(Double(state.tokensSeen - startTokens) / max(elapsed / .seconds(1), 1e-9))
    let word = state.step < config.train.steps ? "stopped" : "done"
    logger.info(
      """
      \(word): step \(Format.grouped(state.step)) of \(Format.grouped(config.train.steps)); since this start \
      \(Format.grouped(state.step - startStep)) steps in \(Format.duration(elapsed)), \(rate) tokens/s
      """)
    sayWhatIsNext(recorder.best)
  }

  /// - Parameter checkpoint: the one that was written last; nil on ranks that write none.
  func sayStopped(checkpoint: String?) {
    logger.notice(
      "stopping as asked by a signal; the same command goes on from the checkpoint",
      fields: ["step": "\(state.step)", "checkpoint": "\(checkpoint ?? "")"])
  }

  /// The best validation, where the run is, and the commands that use it.
  func sayWhatIsNext(_ best: BestValidation) {
    if !best.entries.isEmpty { logger.info("best validation loss: \(best.summary)") }
    logger.info("run directory: \(runPath)")
    guard state.step == config.train.steps else { return }
    for command in NextCommands(config, run: runPath, program: host.programName).lines {
      logger.info("next: \(command)")
    }
  }
}

extension BestValidation {
  /// Such as `1.8930 at chunk size 4 (step 2,000), 1.8030 at 8 (step 1,500)`.
  fileprivate var summary: String {
    entries.enumerated().map { index, entry in
      let place = entry.chunkSize.map { " at " + (index == 0 ? "chunk size " : "") + "\($0)" } ?? ""
      return Format.fixed(entry.loss, digits: 4) + place + " (step \(Format.grouped(entry.step)))"
    }.joined(separator: ", ")
  }
}

/// The commands that a user gives after a run, as a shell takes them.
struct NextCommands {
  let lines: [String]

  /// - Parameters:
  ///   - run: the run directory.
  ///   - program: how the program was called.
  init(_ config: RunConfig, run: String, program: String) {
    let start = [program, "evaluate", run].map(Self.quoted).joined(separator: " ")
    var lines = [start]
    if config.data.tokenizer != nil {
      var words = [program, "generate", run, "--prompt", Self.prompt]
      if config.model.chunkSizes != nil { words += ["--chunk-size", "\(config.train.chunks.sizes.min() ?? 1)"] }
      let room = config.model.maximumLength - Self.prompt.utf8.count
      if room > 0 {
        words += ["--max-tokens", "\(min(100, room))"]
        lines.append(words.map(Self.quoted).joined(separator: " "))
      }
    }
    self.lines = lines
  }

  /// Short, and a beginning in most texts.
  private static let prompt = "The "

  /// A word as a POSIX shell reads it back.
  static func quoted(_ word: String) -> String {
    let plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=./:@%,"
    guard word.isEmpty || !word.allSatisfy(plain.contains) else { return word }
    return "'" + word.replacing("'", with: "'\\''") + "'"
  }
}
