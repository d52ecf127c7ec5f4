import Evaluation
import Foundation
import Models
import TokenData
import Tokenizers

/// The text or recall samples that `catlm evaluate` runs on: the options put together as the `data` section of a run file.
struct EvaluationSource {
  /// Tokens of the longest sample.
  let length: Int
  /// What it is, for results: `validation`, a task, or the path that the options name.
  let name: String
  /// Ids between the beginnings of contexts; nil for recall.
  let stride: Int?
  private let config: DataConfig
  private let text: (path: String, tokenizer: any Tokenizer)?
  /// The id that ends documents, where samples are cut at them.
  private let endOfDocument: Int32?

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
    guard options.stride ?? 1 <= length else {
      throw UserError("--stride: found \(options.stride ?? 0), allowed: at most the context, \(length)")
    }
    stride = config.kind == .tokens ? options.stride ?? length : nil
    guard stride != nil || options.stride == nil else {
      throw UserError("--stride: found it with recall, whose samples are no parts of a text; allowed: it with text")
    }
    guard options.stride ?? length >= length || config.documentBoundaries == .ignore else {
      throw UserError(
        "--stride: found \(options.stride ?? 0), allowed: nothing below the context of \(length) where samples are cut at the "
          + "boundaries of documents (data.document_boundaries: reset)")
    }
    endOfDocument =
      config.documentBoundaries == .reset && location.run?.data.tokenizer != nil
      ? try location.tokenizer(vocabularySize: model.vocabularySize).endOfDocument : nil
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
      return (section, try recall(options, own, section: section, model: model))
    }
    guard let own, !own.validationPaths.isEmpty else {
      throw UserError("\(options.checkpoint): its run has no validation data; give --tokens, --text or --task")
    }
    var config = DataConfig(
      context: context, trainingPaths: own.validationPaths, validationPaths: own.validationPaths, format: own.format,
      documentBoundaries: own.documentBoundaries)
    config.validationSampleCount = own.validationSampleCount
    return ("data", config)
  }

  /// The recall task as the options or the run have it, or the usual one with the model's vocabulary.
  private static func recall(
    _ options: EvaluateCommand, _ own: DataConfig?, section: String, model: ModelConfig
  ) throws -> DataConfig {
    let isOwn = own?.kind == .mqar
    if let own, isOwn, options.lengths == nil { return own }
    var recall = RecallConfig()
    recall.vocabularySize = (isOwn ? own?.taskVocabularySize : nil) ?? model.vocabularySize
    if let lengths = options.lengths?.values, let pairs = options.pairs?.values {
      // Every length with every number of pairs that it has room for.
      let shapes = lengths.flatMap { length in pairs.map { (length, $0) } }.filter { 4 * $1 <= $0 }
      guard !shapes.isEmpty, pairs.allSatisfy({ $0 > 0 }) else {
        throw UserError(
          "--pairs: found \(pairs), allowed: at least one number of pairs, each 1 and more, that is at most a quarter of "
            + "one of the lengths \(lengths)")
      }
      (recall.lengths, recall.pairCounts) = (shapes.map(\.0), shapes.map(\.1))
    }
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
    if let stride, stride < length {
      return try SlidingWindows(
        paths: config.validationPaths, format: config.format, context: length, stride: stride,
        sampleLimit: config.validationSampleCount, batchSize: batchSize, name: name)
    }
    guard let data = try config.validation(seed: 0, batchSize: batchSize, endOfDocument: endOfDocument)
    else {
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
