internal import Checkpoints
internal import JSON
package import Logging
internal import MemoryPlans
internal import Models
internal import Optimizers
package import Parallel
internal import Settings
internal import Telemetry
package import TensorCore
internal import TokenData
internal import Tokenizers

/// Which checkpoint a run goes on from.
package enum ResumeChoice: Hashable, Sendable {
  /// The newest that verifies; a fresh start if there is none.
  case automatic
  case fresh
  case checkpoint(path: String)
}

/// What a run records about the machine that it is on.
package struct TrainerHost: Hashable, Sendable {
  /// Threads of a rank.
  package var threadCount: Int
  /// Whether the machine has a core for one more thread of each rank.
  package var hasSpareCore: Bool
  /// The kernels that BLAS chose.
  package var blasCore: String
  /// What the run is on, in a line for its log.
  package var summary: String
  /// How the user called the program, for commands that the log proposes.
  package var programName: String
  /// Memory that the machine has left for its ranks, in bytes; nil where it does not say.
  package var availableBytes: Int?
  /// Addresses that the limits of this rank's process leave, in bytes; nil where it has none.
  package var addressBytes: Int?
  /// Where the memory is, such as `GPU 0`; empty for the machine's own.
  package var memoryPlace: String

  package init(
    threadCount: Int, hasSpareCore: Bool = false, blasCore: String, summary: String, availableBytes: Int? = nil,
    addressBytes: Int? = nil, memoryPlace: String = "", programName: String = "catlm"
  ) {
    self.threadCount = threadCount
    self.programName = programName
    self.availableBytes = availableBytes
    self.addressBytes = addressBytes
    self.memoryPlace = memoryPlace
    self.hasSpareCore = hasSpareCore
    self.blasCore = blasCore
    self.summary = summary
  }

  var room: MemoryRoom {
    MemoryRoom(sharedBytes: availableBytes, addressBytes: addressBytes, place: memoryPlace)
  }
}

/// A whole run on one rank: begin or resume, steps, validation, checkpoints, end.
package final class Trainer {
  let config: RunConfig
  let runPath: String
  let group: any ProcessGroup
  let backend: any Backend
  let host: TrainerHost
  /// Nil where it was not asked for.
  let memory: MemoryPlan?
  /// What is said goes to the terminal, and on rank 0 of a run to its log as well.
  private(set) var logger: Logger
  /// What the terminal alone gets.
  let terminalLogger: Logger
  /// On rank 0 of a run that keeps one.
  private(set) var log: RunLogFile?
  let model: any LanguageModel
  let buckets: BucketPlan
  let optimizer: AdamW
  let training: any TrainingData
  /// What the training data is; nil if it is made.
  let data: DataIdentity?
  let validation: (any ValidationData)?
  /// What made the data's ids; nil if the configuration does not say.
  let tokenizer: (any Tokenizer)?
  var state: TrainerState
  /// The clock by which checkpoints are due.
  var now: () -> ContinuousClock.Instant = { .now }
  /// Where checkpoints are written to.
  var disk = Disk.real

  /// Makes model, optimizer and data; touches no file but the data's.
  ///
  /// - Parameters:
  ///   - runDirectory: where checkpoints and metrics go; rank 0 makes it.
  ///   - makePlanner: gives a backend like `backend` that computes nothing, new each time. With it the memory that the
  ///     run takes is known first, and a run that has no room is refused; nil: begin and see. All ranks give it or none.
  package init(
    _ config: RunConfig, runDirectory: String, group: any ProcessGroup, backend: any Backend, host: TrainerHost,
    logger: Logger, makePlanner: (() -> any Backend)? = nil
  ) throws {
    self.config = config
    runPath = runDirectory
    self.group = group
    self.backend = backend
    self.host = host
    self.logger = logger
    terminalLogger = logger
    tokenizer = try Self.tokenizer(of: config)
    training = try config.data.training(seed: config.train.seed, endOfDocument: tokenizer?.endOfDocument)
    data = DataIdentity(training)
    validation = try config.data.validation(
      seed: config.train.seed, batchSize: config.validationBatchSize, endOfDocument: tokenizer?.endOfDocument)
    // A cut sample has more rows than one that is whole.
    let sequences = max(training.mostSequences, validation?.mostSequences ?? 1)
    memory = makePlanner.map {
      MemoryPlan(
        config, rank: group.rank, rankCount: group.size, mostSequences: sequences, largestBytes: host.room.largestBytes,
        makeBackend: $0)
    }
    try memory?.requireRoom(host.room, for: config, in: group)
    try training.requireIDs(below: config.model.vocabularySize)
    try validation?.requireIDs(below: config.model.vocabularySize)
    model = config.model.makeModel(isTrained: true, backend: backend)
    buckets = BucketPlan(count: model.parameters.count, bucketBytes: config.parallel.bucketBytes)
    optimizer = AdamW(
      config.optimizer, parameters: model.parameters, backend: backend,
      owned: config.parallel.shardsOptimizer ? buckets.owned(by: group.rank, of: group.size) : nil)
    state = TrainerState(
      step: 0, tokensSeen: 0, seed: Int(config.train.seed), cursor: SampleCursor(epoch: 0, index: 0),
      worldSize: group.size, threadCount: host.threadCount, blasCore: host.blasCore,
      configDigest: Digest.sha256(of: config.resolved.json(pretty: false)))
    if let sampleCount = training.samplesPerEpoch {
      state.invariants["samples_per_epoch"] = .integer(sampleCount)
    } else if !training.sources.isEmpty {
      state.invariants["samples_per_epoch"] = .list(training.sources.map { .integer($0.sampleCount) })
    }
    state.invariants[DataIdentity.key] = data?.setting
  }

  /// - Throws: ``JSONError`` if there is no such tokenizer, or it has ids that the model has not.
  private static func tokenizer(of config: RunConfig) throws -> (any Tokenizer)? {
    guard let tokenizer = try config.data.loadTokenizer() else { return nil }
    guard tokenizer.vocabularySize <= config.model.vocabularySize else {
      throw JSONError.invalid(
        key: "model.vocab_size", found: "\(config.model.vocabularySize)",
        allowed: "at least the \(tokenizer.vocabularySize) ids of data.tokenizer")
    }
    return tokenizer
  }

  /// Steps that are done.
  package var step: Int { state.step }

  /// Weights of the model.
  package var parameterCount: Int { model.parameters.count }

  /// Runs to the configured last step, or until a signal asks to stop: the ranks agree on that at each step's start, so
  /// a run may make one more step after the one in which the signal came.
  package func run(_ resume: ResumeChoice) throws {
    let exchange = try makeExchange()
    guard group.rank == 0 else {
      try shareStart(nil, exchange.collectives)
      try train(in: nil, exchange)
      return try exchange.close()
    }
    let files = try makeFiles()
    let lock = try files.directory.lock()
    if config.logging.writesLog {
      let log = RunLogFile(path: files.directory.logPath)
      logger = log.logger(beside: terminalLogger)
      self.log = log
    }
    if let holder = lock.deadHolder {
      logger.notice("taken over from a process that ended without releasing the run", fields: ["holder": "\(holder)"])
    }
    do {
      try begin(chosenCheckpoint(resume, files.directory), files, exchange.collectives)
    } catch {
      // A start that is refused leaves nothing behind.
      files.directory.removeIfUnused()
      throw error
    }
    if state.step < config.train.steps { try files.directory.writeConfiguration(config.resolved.yaml()) }
    try train(in: files, exchange)
    try exchange.close()
    lock.release()
  }

  /// The run directory, made if it is not there, and what is written into it.
  func makeFiles() throws -> RunFiles {
    RunFiles(
      directory: try RunDirectory(path: runPath, disk: disk), model: model, optimizer: optimizer, config: config,
      shardedMoments: shardedMoments, tokenizerFiles: tokenizer?.files ?? [:])
  }
}

extension RunConfig {
  /// Samples of a validation batch: as many as a micro-batch has.
  var validationBatchSize: Int {
    max(1, train.batchSize / train.accumulation)
  }
}
