package import JSON
package import Models
package import Optimizers
package import Parallel
package import Settings
package import TokenData

/// The `parallel` section of a run file.
package struct ParallelConfig: Hashable, Sendable {
  /// When gradients are summed.
  package enum Overlap: String, CaseIterable, Hashable, Sendable {
    /// During the backward pass where that hides something: with ranks on several machines or cores to spare.
    case auto
    /// During the backward pass, by a thread of its own.
    case on
    /// After the backward pass.
    case off
  }

  /// Threads of a rank; nil: the cores that the machine leaves for it.
  package var threads: Int?
  /// Steps between comparisons of what all ranks must have in common; 0: never, not even at the start.
  package var checkInterval = 100
  package var overlap = Overlap.auto
  /// Gradients that are summed in one call.
  package var bucketBytes = 8 << 20
  package static let bucketBytesRange = 1024...(1 << 40)
  /// How gradients travel.
  package var wire = WireFormat.float32
  /// Whether each rank updates a part of the weights and holds the moments of that part alone.
  package var shardsOptimizer = false
  /// Whether gradients of ranks that are all on one machine are summed in its memory; else by MPI.
  package var sharesMemory = true
  private var timeoutSeconds = 600

  /// How long the ranks may stand still before the job is ended; nil: for ever.
  package var timeout: Duration? { timeoutSeconds == 0 ? nil : .seconds(timeoutSeconds) }

  package init() {}

  package init(_ reader: JSONReader) throws(JSONError) {
    try reader.read(Self.keys, into: &self)
  }

  private static let keys: [Key<Self>] = [
    .optionalInteger(
      "threads", \.threads, none: "the rank's share of its machine's cores", in: 1...1024, "Threads of a rank."),
    .integer(
      "check_interval", \.checkInterval,
      "Steps between comparisons of what all ranks must have in common (version, configuration, step, chunk sizes, "
        + "samples, weights); a rank that differs ends the run with exit code 1. 0: never, not even at the start."),
    .choice(
      "overlap", \.overlap,
      "Whether gradients are summed during the backward pass by a thread of its own (on), after it (off), or during it "
        + "where ranks are on several machines or cores to spare (auto)."),
    .integer("bucket_bytes", \.bucketBytes, in: bucketBytesRange, "Bytes of gradients that are summed in one call."),
    .choice("wire", \.wire, "How gradients travel between ranks."),
    .flag(
      "shard_optimizer", \.shardsOptimizer,
      "Each rank updates a part of the weights and holds the optimizer's moments of that part alone (ZeRO-1)."),
    .flag(
      "shared_memory", \.sharesMemory,
      "Ranks that are all on one machine sum gradients in its memory; else, and between machines, MPI does."),
    .integer(
      "timeout", \.timeoutSeconds, in: 0...1_000_000,
      "Seconds that the ranks may stand still before the job ends with exit code 3; 0: for ever. Loading, validation "
        + "and checkpoints have ten times as long."),
  ]

  package static let declaration = SectionDeclaration(
    name: "parallel", sentence: "How ranks work together.", keys: keys.declarations(Self()))
}

/// The `logging` section of a run file.
package struct LoggingConfig: Hashable, Sendable {
  /// Steps between records in `metrics.jsonl`.
  package var interval = 1
  /// Whether TensorBoard can show the run.
  package var writesEvents = true
  /// Steps between histograms of weights and gradients; 0: none.
  package var histogramInterval = 0
  /// Whether the run keeps a log.
  package var writesLog = true
  /// Whether steps are held against what the machine's products come to at best.
  package var measuresUtilization = true

  package init() {}

  package init(_ reader: JSONReader) throws(JSONError) {
    try reader.read(Self.keys, into: &self)
    guard histogramInterval == 0 || writesEvents else {
      throw reader.invalid("histogram_interval", found: "\(histogramInterval)", allowed: "0 where tensorboard is false")
    }
  }

  private static let keys: [Key<Self>] = [
    .integer("interval", \.interval, in: 1...1_000_000_000, "Steps between records in metrics.jsonl."),
    .flag(
      "tensorboard", \.writesEvents,
      "The same records in an event file of the run directory: tensorboard --logdir runs shows them."),
    .integer(
      "histogram_interval", \.histogramInterval,
      "Steps between histograms of all weights and gradients in the event file; training waits for them. Needs "
        + "tensorboard. 0: none."),
    .flag(
      "log_file", \.writesLog,
      "The same records, and what the run says, as lines of text in run.log of the run directory."),
    .flag(
      "mfu", \.measuresUtilization,
      "Model FLOP/s utilisation in each record of a step; for it the matrix products that the steps have are timed at the "
        + "start, for less than a second."),
  ]

  package static let declaration = SectionDeclaration(
    name: "logging", sentence: "What a run writes down.", keys: keys.declarations(Self()))
}

/// A whole run file, checked: each section read by the module that owns it.
package struct RunConfig: Sendable {
  package let name: String
  package let model: ModelConfig
  package let data: DataConfig
  package let optimizer: OptimizerConfig
  package let schedule: LearningRateSchedule
  package let train: TrainConfig
  package let checkpoint: CheckpointConfig
  package let parallel: ParallelConfig
  package let logging: LoggingConfig
  /// Every key with its value, defaults filled in.
  package let resolved: JSONValue

  /// Every section with every key that it may have, in the order of the resolved configuration.
  package static let declarations = [
    ModelConfig.declaration, DataConfig.declaration, OptimizerConfig.declaration, LearningRateSchedule.declaration,
    TrainConfig.declaration, CheckpointConfig.declaration, ParallelConfig.declaration, LoggingConfig.declaration,
  ]

  package init(_ file: RunFile) throws(JSONError) {
    do {
      try self.init(checking: file)
    } catch {
      throw file.attributed(error)
    }
  }

  private init(checking file: RunFile) throws(JSONError) {
    try file.requireDeclared(Self.declarations)
    let reader = file.reader()
    name = file.name
    model = try ModelConfig(reader.section("model"))
    data = try DataConfig(reader.section("data"))
    optimizer = try OptimizerConfig(reader.section("optimizer"))
    schedule = try LearningRateSchedule(reader.section("schedule"))
    train = try TrainConfig(reader.section("train"), model: model)
    checkpoint = try CheckpointConfig(reader.section("checkpoint"))
    parallel = try ParallelConfig(reader.section("parallel"))
    logging = try LoggingConfig(reader.section("logging"))
    try reader.finish()
    resolved = reader.resolved
    try checkLengths()
    try checkSamples()
  }

  private func checkLengths() throws(JSONError) {
    let longest = data.longestSequence
    guard longest <= model.maximumLength else {
      throw .invalid(
        key: "data.context", found: "\(longest)",
        allowed: "at most model.max_position_embeddings \(model.maximumLength)")
    }
    let vocabularySize = data.knownVocabularySize ?? 0
    guard vocabularySize <= model.vocabularySize else {
      throw .invalid(
        key: "model.vocab_size", found: "\(model.vocabularySize)", allowed: "at least the data's \(vocabularySize)")
    }
  }
}

extension DataConfig {
  /// Tokens of the longest sample.
  var longestSequence: Int { context }
}
