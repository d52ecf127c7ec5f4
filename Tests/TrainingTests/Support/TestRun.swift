import CPUBackend
import Checkpoints
import Foundation
import JSON
import Logging
import Parallel
import Settings
import Synchronization
import Telemetry
import TensorCore
import TokenData

@testable import Training

/// A directory that is gone after the test.
final class Scratch {
  let path: String

  init() throws {
    path = FileManager.default.temporaryDirectory.appending(path: "training-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit {
    try? FileManager.default.removeItem(atPath: path)
  }

  func file(_ name: String) -> String { path + "/" + name }
}

/// Run files of small runs.
enum SmallRun {
  private static let model = """
    model:
      model_type: cat
      vocab_size: 24
      hidden_size: 16
      num_hidden_layers: 2
      num_heads: 2
      compressor_hidden_size: 8
      compressor_num_layers: 1
      compressor_num_heads: 1
      intermediate_size: 24
      max_chunk_size: 8
      max_position_embeddings: 16
      initializer_range: 0.2

    """

  /// On associative recall, which needs no files.
  static func recall(_ overrides: [String] = []) throws -> RunConfig {
    let yaml =
      model + """
        data: {kind: mqar, vocabulary_size: 24, lengths: [16, 12], pairs: [3, 2], validation_samples: 4}
        optimizer: {learning_rate: 1.0e-3}
        train: {steps: 20, batch_size: 8, chunk_sizes: [2, 3, 8]}
        """
    return try RunConfig(RunFile(yaml: yaml, overrides: overrides, name: "recall"))
  }

  /// On token shards in `scratch`, which this makes.
  ///
  /// - Parameter model: the `model` section, another one than the small adaptive CAT's.
  static func tokens(
    _ scratch: Scratch, _ overrides: [String] = [], model: String? = nil
  ) throws -> RunConfig {
    let shard = scratch.file("tiny_train_000000.bin")
    if !FileManager.default.fileExists(atPath: shard) {
      let ids = (0..<700).map { (n: Int) -> Int32 in Int32((n * n + n / 7) % 24) }
      try TokenShardWriter.write(ids, vocabularySize: 24, to: shard)
    }
    let yaml =
      (model ?? Self.model) + """
        data: {context: 12, train: \(shard)}
        optimizer: {learning_rate: 1.0e-3}
        schedule: {kind: constant, warmup_steps: 3}
        train: {steps: 8, batch_size: 4, accumulation: 2, chunk_sizes: [2, 4]}
        checkpoint: {interval: 2, keep_last: 10, shard_bytes: 4096}
        """
    return try RunConfig(RunFile(yaml: yaml, overrides: overrides, name: "tiny"))
  }
}

/// Keeps the messages of a logger, with what goes with them.
final class Messages: Sendable {
  private let lines = Mutex<[String]>([])

  var all: [String] { lines.withLock { $0 } }

  func logger() -> Logger {
    Logger(label: "test") { _ in Handler(messages: self) }
  }

  private func append(_ line: String) { lines.withLock { $0.append(line) } }

  private struct Handler: LogHandler {
    let messages: Messages
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.trace

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
      get { metadata[key] }
      set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
      let details = LogFields.ordered(event.metadata ?? [:]).map { "\($0)=\($1)" }
      messages.append(([event.message.description] + details).joined(separator: " "))
    }
  }
}

/// A run in a directory, and what it leaves there.
struct RunInDirectory {
  let directory: String
  let messages = Messages()

  /// - Parameter backend: nil for the processor's.
  func trainer(
    _ config: RunConfig, group: any ProcessGroup = SoloGroup(), backend: (any Backend)? = nil
  ) throws -> Trainer {
    try Trainer(
      config, runDirectory: directory, group: group,
      backend: backend ?? CPUBackend(threadCount: 1, precision: config.train.precision),
      host: TrainerHost(threadCount: 1, blasCore: "test", summary: "a test"), logger: messages.logger())
  }

  /// Trains until the configured last step.
  func train(_ config: RunConfig, _ resume: ResumeChoice = .automatic) throws {
    try trainer(config).run(resume)
  }

  var store: CheckpointStore { CheckpointStore(runDirectory: directory) }

  func checkpoint(_ step: Int) -> String {
    let number = String(step)
    return "\(directory)/checkpoints/step-" + String(repeating: "0", count: 8 - number.count) + number
  }

  /// Turns a bit of a checkpoint's weights.
  func damage(_ step: Int) throws {
    let names = try FileManager.default.contentsOfDirectory(atPath: checkpoint(step))
    let url = URL(filePath: checkpoint(step) + "/" + (names.filter { $0.hasPrefix("model-") }.min() ?? ""))
    var bytes = try Data(contentsOf: url)
    bytes[bytes.count - 5] ^= 1
    try bytes.write(to: url)
  }

  /// All weights and moments of a checkpoint by name.
  func tensors(_ step: Int) throws -> [String: [UInt32]] {
    let checkpoint = try CheckpointDirectory(verifying: checkpoint(step))
    var result: [String: [UInt32]] = [:]
    for collection in [checkpoint.weights, checkpoint.optimizer].compactMap({ $0 }) {
      for name in collection.names {
        if collection.info(name)?.type == .float32 {
          result[name] = try collection.floats(name).map(\.bitPattern)
        }
      }
    }
    return result
  }

  /// What a step takes of time and memory.
  private static let keysOfCost = [
    "seconds", "data_seconds", "forward_seconds", "backward_seconds", "communication_seconds", "optimizer_seconds",
    "device_seconds", "other_seconds", "tokens_per_second", "mfu", "memory_bytes", "peak_memory_bytes", "tensor_bytes",
    "peak_tensor_bytes", "checkpoint_stall_seconds", "time",
  ]

  /// All lines of `metrics.jsonl`.
  func lines() throws -> [JSONValue] {
    let text = try String(contentsOfFile: directory + "/metrics.jsonl", encoding: .utf8)
    return try text.split(separator: "\n").map { try JSONValue(json: String($0)) }
  }

  /// The records of `metrics.jsonl` of what was computed, without what that took.
  func records() throws -> [JSONValue] {
    let computed = ["loss", "validation_loss", "text"]
    return try lines().filter { line in computed.contains { line[$0] != nil } }.map { line in
      .mapping((line.entries ?? []).filter { !Self.keysOfCost.contains($0.key) })
    }
  }
}
