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
    var config = try Self.data(options, location: location, model: model)
    if let samples = options.samples { config.validationSampleCount = samples }
    self.config = config
    name = options.text ?? options.tokens ?? options.task?.rawValue ?? "validation"
    length = config.context
    guard length <= model.maximumLength else {
      throw UserError(
        "\(config.section): samples of \(length) tokens, allowed: at most the model's \(model.maximumLength)")
    }
    text = try options.text.map { ($0, try location.tokenizer(vocabularySize: model.vocabularySize)) }
  }

  /// What the options name, or what the run was measured on.
  private static func data(
    _ options: EvaluateCommand, location: CheckpointLocation, model: ModelConfig
  ) throws -> DataConfig {
    let context = options.context ?? location.run?.data.context ?? model.maximumLength
    func shards(_ paths: [String], _ section: String, _ format: FormatChoice = .auto) -> DataConfig {
      var config = DataConfig(context: context, trainingPaths: paths, validationPaths: paths, format: format)
      config.section = section
      return config
    }
    if let path = options.text { return shards([path], "--text") }
    if let path = options.tokens { return shards([path], "--tokens", options.format) }
    let own = location.run?.data
    if options.task == .mqar || own?.kind == .mqar {
      guard options.context == nil else { throw UserError("--context: found \(context), allowed: nothing with mqar") }
      return try task(own, section: options.task == nil ? "data" : "--task", vocabularySize: model.vocabularySize)
    }
    guard let own, !own.validationPaths.isEmpty else {
      throw UserError("\(options.checkpoint): its run has no validation data; give --tokens, --text or --task")
    }
    var config = shards(own.validationPaths, "data", own.format)
    config.validationSampleCount = own.validationSampleCount
    return config
  }

  /// The recall task as the run had it, or the usual one with the model's vocabulary.
  private static func task(_ own: DataConfig?, section: String, vocabularySize: Int) throws -> DataConfig {
    var config: DataConfig
    if let own, own.kind == .mqar {
      config = own
    } else {
      var recall = RecallConfig()
      recall.vocabularySize = vocabularySize
      try recall.check(section)
      config = DataConfig(recall)
    }
    config.section = section
    return config
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
