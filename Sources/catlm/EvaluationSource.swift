import Foundation
import Models
import Settings
import TokenData

/// What `catlm evaluate` runs on: the options put together as the `data` section of a run file.
struct EvaluationSource {
  /// Tokens of the longest sample.
  let length: Int
  private let config: DataConfig
  private let text: (path: String, tokenizer: any Tokenizer)?

  init(_ options: EvaluateCommand, location: CheckpointLocation, model: ModelConfig) throws {
    let (section, path) = try Self.section(options, location: location, model: model)
    var entries = section
    if let samples = options.samples { entries["validation_samples"] = .integer(samples) }
    config = try DataConfig(
      SettingsReader(.mapping(entries.map { Setting.Entry(key: $0.key, value: $0.value) }), path: path))
    length = config.context
    guard length <= model.maximumLength else {
      throw UserError("\(path): samples of \(length) tokens, allowed: at most the model's \(model.maximumLength)")
    }
    text = try options.text.map { ($0, try location.tokenizer(vocabularySize: model.vocabularySize)) }
  }

  /// The section's keys, and the option that they come from.
  private static func section(
    _ options: EvaluateCommand, location: CheckpointLocation, model: ModelConfig
  ) throws -> ([String: Setting], String) {
    let context = options.context ?? location.run?.data.context ?? model.maximumLength
    func shards(_ path: String) -> [String: Setting] {
      ["context": .integer(context), "train": .text(path), "validation": .text(path)]
    }
    if let path = options.text { return (shards(path), "--text") }
    if let path = options.tokens { return (shards(path), "--tokens") }
    let own = location.run?.data
    if options.task == .mqar || own?.kind == .mqar {
      guard options.context == nil else { throw UserError("--context: found \(context), allowed: nothing with mqar") }
      return (task(own, vocabularySize: model.vocabularySize), options.task == nil ? "data" : "--task")
    }
    guard let own, !own.validationPaths.isEmpty else {
      throw UserError("\(options.checkpoint): its run has no validation data; give --tokens, --text or --task")
    }
    let paths = own.validationPaths.map(Setting.text)
    var section: [String: Setting] = ["context": .integer(context), "train": .list(paths), "validation": .list(paths)]
    section["validation_samples"] = own.validationSampleCount.map(Setting.integer)
    return (section, "data")
  }

  /// The recall task as the run had it, or the usual one with the model's vocabulary.
  private static func task(_ own: DataConfig?, vocabularySize: Int) -> [String: Setting] {
    var section: [String: Setting] = ["kind": .text("mqar"), "vocabulary_size": .integer(vocabularySize)]
    guard let own, own.kind == .mqar else { return section }
    section["vocabulary_size"] = own.taskVocabularySize.map(Setting.integer)
    section["validation_samples"] = own.validationSampleCount.map(Setting.integer)
    section["lengths"] = .list(own.segments.map { .integer($0.length) })
    section["pairs"] = .list(own.segments.map { .integer($0.pairCount) })
    return section
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
