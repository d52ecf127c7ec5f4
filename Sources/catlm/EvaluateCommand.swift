import ArgumentParser
import Evaluation
import Foundation
import Models
import Settings
import Telemetry
import TensorCore
import TokenData

struct EvaluateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "evaluate",
    abstract: "Measures a checkpoint's loss, accuracy and speed at each chunk size.",
    discussion: """
      Without a source, the run's own validation data is used. Cache bytes are what generation keeps for one sequence \
      of the evaluated length.

      Example: catlm evaluate runs/smoke --chunk-sizes 2,4,8,16
      """)

  enum Task: String, ExpressibleByArgument, CaseIterable {
    case mqar
  }

  @Argument(help: "A checkpoint, or a run directory: its newest intact checkpoint.")
  var checkpoint: String

  @Option(help: "Token shards: a file, a directory or a pattern.")
  var tokens: String?

  @Option(help: "A text file, tokenized on the way.")
  var text: String?

  @Option(help: "A generated task: mqar, multi-query associative recall.")
  var task: Task?

  @Option(name: .customLong("chunk-sizes"), help: "Comma-separated; by default those of the run.")
  var chunkSizes: String?

  @Option(help: "Tokens of a sample; by default the run's, or the model's longest.")
  var context: Int?

  @Option(help: "Most samples to evaluate.")
  var samples: Int?

  @Option(help: "Samples in a batch.")
  var batch = 16

  @Option(help: "Threads; by default all cores.")
  var threads: Int?

  @Flag(help: "One JSON object a chunk size on standard output.")
  var json = false

  func validate() throws {
    guard [tokens, text, task?.rawValue].count(where: { $0 != nil }) <= 1 else {
      throw ValidationError("give one of --tokens, --text and --task")
    }
    guard batch >= 1, samples ?? 1 >= 1, context ?? 1 >= 1 else {
      throw ValidationError("--batch, --samples and --context are at least 1")
    }
  }

  func run() throws {
    let location = try CheckpointLocation(checkpoint)
    let backend = Host.makeBackend(threadCount: Host.threadCount(setting: threads))
    let model = try location.checkpoint.makeModel(backend: backend)
    let length = min(context ?? location.run?.data.context ?? model.config.maximumLength, model.config.maximumLength)
    let data = try data(location, length: length, vocabularySize: model.config.vocabularySize)
    try data.requireIDs(below: model.config.vocabularySize)
    let sizes = try ChunkSizeOption.parse(chunkSizes, model: model.config, run: location.run)
    let evaluator = Evaluator(model: model, backend: backend)
    if !json { print(EvaluationTable.header) }
    for chunkSize in sizes {
      let result = evaluator.evaluate(data, indices: Array(0..<data.batchCount), chunkSize: chunkSize)
      let row = EvaluationTable.Row(
        chunkSize: model.config.chunkSizes == nil ? nil : chunkSize, result: result,
        cacheBytes: model.config.cacheBytes(length: length, chunkSize: chunkSize))
      print(json ? row.json : row.text)
    }
  }

  private func data(
    _ location: CheckpointLocation, length: Int, vocabularySize: Int
  ) throws -> any ValidationData {
    var section: [Setting.Entry] = [.init(key: "context", value: .integer(length))]
    if let samples { section.append(.init(key: "validation_samples", value: .integer(samples))) }
    if task == .mqar {
      section = section.filter { $0.key != "context" } + [.init(key: "kind", value: .text("mqar"))]
      section.append(.init(key: "vocabulary_size", value: .integer(vocabularySize)))
      return try validation(section, path: "--task")
    }
    if let text {
      return try TextShard.with(text, tokenizer: location.tokenizer(vocabularySize: vocabularySize)) { path in
        try validation(section + Self.paths(path), path: "--text")
      }
    }
    if let tokens { return try validation(section + Self.paths(tokens), path: "--tokens") }
    guard let run = location.run, let data = try run.data.validation(seed: run.train.seed, batchSize: batch) else {
      throw UserError("\(checkpoint): its run has no validation data; give --tokens, --text or --task")
    }
    return data
  }

  private static func paths(_ path: String) -> [Setting.Entry] {
    [.init(key: "train", value: .text(path)), .init(key: "validation", value: .text(path))]
  }

  private func validation(_ section: [Setting.Entry], path: String) throws -> any ValidationData {
    let reader = SettingsReader(.mapping(section), path: path)
    guard let data = try DataConfig(reader).validation(seed: 0, batchSize: batch) else {
      throw UserError("\(path): no data")
    }
    return data
  }
}
