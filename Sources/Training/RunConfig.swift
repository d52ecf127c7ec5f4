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
  package var checkInterval: Int
  package var overlap: Overlap
  /// Gradients that are summed in one call.
  package var bucketBytes: Int
  package static let bucketBytesRange = 1024...(1 << 40)
  /// How gradients travel.
  package var wire: WireFormat
  /// Whether each rank updates a part of the weights and holds the moments of that part alone.
  package var shardsOptimizer: Bool
  /// Whether gradients of ranks that are all on one machine are summed in its memory; else by MPI.
  package var sharesMemory: Bool
  /// How long the ranks may stand still before the job is ended; nil: for ever.
  package var timeout: Duration?

  package init(_ reader: SettingsReader) throws(SettingsError) {
    threads = try reader.optionalInteger("threads", in: 1...1024)
    checkInterval = try reader.integer("check_interval", default: 100)
    overlap = try reader.choice("overlap", default: .auto)
    bucketBytes = try reader.integer("bucket_bytes", default: 8 << 20, in: Self.bucketBytesRange)
    wire = try reader.choice("wire", default: .float32)
    shardsOptimizer = try reader.flag("shard_optimizer", default: false)
    sharesMemory = try reader.flag("shared_memory", default: true)
    let seconds = try reader.integer("timeout", default: 600, in: 0...1_000_000)
    timeout = seconds == 0 ? nil : .seconds(seconds)
  }
}

/// The `logging` section of a run file.
package struct LoggingConfig: Hashable, Sendable {
  /// Steps between records in `metrics.jsonl`.
  package var interval: Int

  package init(_ reader: SettingsReader) throws(SettingsError) {
    interval = try reader.integer("interval", default: 1, in: 1...1_000_000_000)
  }
}

/// A whole run file, checked: each section read by the module that owns it.
package struct RunConfig: Sendable {
  /// Name under which a checkpoint keeps the resolved configuration of its run.
  package static let fileInCheckpoint = "run.yaml"

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
  package let resolved: Setting

  package init(_ file: RunFile) throws(SettingsError) {
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
  }

  private func checkLengths() throws(SettingsError) {
    let longest = data.longestSequence
    guard longest <= model.maximumLength else {
      throw .invalid(
        key: "data.context", found: "\(longest)",
        allowed: "at most model.max_position_embeddings \(model.maximumLength)")
    }
    let vocabularySize = data.vocabularySize ?? 0
    guard vocabularySize <= model.vocabularySize else {
      throw .invalid(
        key: "model.vocab_size", found: "\(model.vocabularySize)", allowed: "at least the data's \(vocabularySize)")
    }
  }
}

extension DataConfig {
  /// Tokens of the longest sample.
  var longestSequence: Int { context }

  /// Ids are below this, where the section says so.
  var vocabularySize: Int? { taskVocabularySize ?? tokenizer?.vocabularySize }
}
