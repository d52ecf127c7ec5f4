import Foundation
import Models
import TokenData
import Tokenizers

/// What `catlm evaluate` runs on: the options put together as the `data` section of a run file.
struct EvaluationSource {
  /// Tokens of the longest sample.
  let length: Int
  /// What it is, for results: `validation`, a task, or the path that the options name.
  let name: String
  private let config: DataConfig
  private let text: (path: String, tokenizer: any Tokenizer)?

  init(_ options: EvaluateCommand, location: CheckpointLocation, model: ModelConfig) throws {
    var (section, config) = try Self.data(options, location: location, model: model)
    config.section = section
    if let samples = options.samples { config.validationSampleCount = samples }
    self.config = config
    name = options.text ?? options.tokens ?? options.task?.rawValue ?? "validation"
    length = config.context
    guard length <= model.maximumLength else {
      throw UserError(
        "\(options.context == nil ? config.section : "--context"): samples of \(length) tokens, allowed: at most the model's \(model.maximumLength)"
      )
    }
    text = try options.text.map { ($0, try location.tokenizer(vocabularySize: model.vocabularySize)) }
  }

  /// What the options name, or what the run was measured on, and what names it in messages.
  private static func data(
    _ options: EvaluateCommand, location: CheckpointLocation, model: ModelConfig
  ) throws -> (section: String, config: DataConfig) {
    let context = options.context ?? location.run?.data.context ?? model.maximumLength
    func shards(_ paths: [String], _ format: FormatChoice = .auto) -> DataConfig {
      DataConfig(context: context, trainingPaths: paths, validationPaths: paths, format: format)
    }
    if let path = options.text { return ("--text", shards([path])) }
    if let path = options.tokens { return ("--tokens", shards([path], options.format)) }
    let own = location.run?.data
    if options.task == .mqar || own?.kind == .mqar {
      guard options.context == nil else { throw UserError("--context: found \(context), allowed: nothing with mqar") }
      let section = options.task == nil ? "data" : "--task"
      return (section, try task(own, section: section, vocabularySize: model.vocabularySize))
    }
    guard let own, !own.validationPaths.isEmpty else {
      throw UserError("\(options.checkpoint): its run has no validation data; give --tokens, --text or --task")
    }
    var config = shards(own.validationPaths, own.format)
    config.validationSampleCount = own.validationSampleCount
    return ("data", config)
  }

  /// The recall task as the run had it, or the usual one with the model's vocabulary.
  private static func task(_ own: DataConfig?, section: String, vocabularySize: Int) throws -> DataConfig {
    if let own, own.kind == .mqar { return own }
    var recall = RecallConfig()
    recall.vocabularySize = vocabularySize
    try recall.check(section)
    return DataConfig(recall)
  }

  func open(batchSize: Int) throws -> any ValidationData {
    guard let text else { return try data(config, batchSize) }
    return try TextShard.with(text.path, tokenizer: text.tokenizer, length: length) { shard in
      var config = config
      config.validationPaths = [shard]
      return try data(config, batchSize)
    }
  }

  private func data(_ config: DataConfig, _ batchSize: Int) throws -> any ValidationData {
    guard let data = try config.validation(seed: 0, batchSize: batchSize) else {
      throw UserError("evaluate: no validation data")
    }
    return data
  }
}

/// A text file as a token shard that is gone when nobody reads it any more.
enum TextShard {
  /// Calls `body` with the path of a temporary shard. A shard that is open stays readable afterwards.
  ///
  /// - Parameter length: tokens of a sample; the text must fill one.
  static func with<Result>(
    _ path: String, tokenizer: any Tokenizer, length: Int, _ body: (String) throws -> Result
  ) throws -> Result {
    guard let text = FileManager.default.contents(atPath: path) else {
      throw UserError("\(path): cannot be read")
    }
    let ids = tokenizer.encode(Array(text))
    guard ids.count > length else {
      throw UserError("\(path): found \(ids.count) tokens, allowed: at least \(length + 1)")
    }
    let shard = NSTemporaryDirectory() + "/catlm-\(UUID().uuidString).bin"
    try TokenShardWriter.write(
      ids, vocabularySize: tokenizer.vocabularySize, to: shard)
    defer { try? FileManager.default.removeItem(atPath: shard) }
    return try body(shard)
  }
}
