package import Settings

/// The section `data` of a run file: what is trained and measured on.
package struct DataConfig: Hashable, Sendable {
  package enum Kind: String, CaseIterable, Sendable {
    /// Token shards.
    case tokens
    /// Multi-query associative recall, made while training.
    case mqar
  }

  package enum TokenizerKind: String, CaseIterable, Sendable {
    case bytes
  }

  /// Path of the section in its file.
  private let section: String
  package let kind: Kind
  /// Paths of shards, directories or patterns, relative to the current directory; empty for recall.
  package let trainingPaths: [String]
  /// As the training's; empty if there is nothing to measure on.
  package var validationPaths: [String]
  package let tokenizerKind: TokenizerKind?
  /// The most samples to measure on; nil for all.
  package let validationSampleCount: Int?
  /// T; for recall the largest length.
  package let context: Int
  /// Vocabulary of the recall task.
  package let taskVocabularySize: Int?
  /// Shapes of the recall task's samples.
  package let segments: [MQARTask.Segment]

  /// - Parameter reader: the section `data`.
  package init(_ reader: SettingsReader) throws(SettingsError) {
    self.section = reader.path
    self.kind = try reader.choice("kind", default: .tokens)
    switch kind {
    case .tokens:
      self.context = try reader.integer("context", in: 1...1 << 24)
      self.trainingPaths = try reader.texts("train")
      self.validationPaths = try reader.texts("validation", default: [])
      self.tokenizerKind = try reader.optionalChoice("tokenizer")
      self.validationSampleCount = try reader.optionalInteger("validation_samples", in: 1...Int.max)
      self.taskVocabularySize = nil
      self.segments = []
      guard !trainingPaths.isEmpty else {
        throw reader.invalid("train", found: "an empty list", allowed: "at least one path")
      }
    case .mqar:
      let (vocabularySize, segments) = try Self.recall(reader)
      self.validationSampleCount = try reader.integer("validation_samples", default: 1000, in: 1...Int.max)
      self.context = segments.map(\.length).max() ?? 0
      self.trainingPaths = []
      self.validationPaths = []
      self.tokenizerKind = nil
      self.taskVocabularySize = vocabularySize
      self.segments = segments
    }
  }

  package var tokenizer: (any Tokenizer)? {
    switch tokenizerKind {
    case .bytes: ByteTokenizer()
    case nil: nil
    }
  }

  /// Opens the training data.
  package func training(seed: UInt64) throws(TokenError) -> any TrainingData {
    if let task { return MQARTrainingData(task: task, segments: segments, seed: seed) }
    let dataset = try dataset("train", trainingPaths, .training)
    return TokenTrainingData(dataset: dataset, seed: seed, vocabularySize: tokenizer?.vocabularySize)
  }

  /// Opens the data to measure on; nil if the run file names none.
  package func validation(seed: UInt64, batchSize: Int) throws(TokenError) -> (any ValidationData)? {
    if let task {
      return MQARValidationData(
        task: task, segments: segments, sampleCount: validationSampleCount ?? segments.count, seed: seed,
        batchSize: batchSize)
    }
    guard !validationPaths.isEmpty else { return nil }
    let dataset = try dataset("validation", validationPaths, .validation)
    return TokenValidationData(dataset: dataset, sampleLimit: validationSampleCount, batchSize: batchSize)
  }

  private func dataset(_ key: String, _ paths: [String], _ split: TokenSplit) throws(TokenError) -> TokenDataset {
    do {
      return try TokenDataset(paths: paths, context: context, split: split)
    } catch {
      // An option of the command line is named as it was typed.
      throw error.named(by: section.hasPrefix("--") ? section : "\(section).\(key)")
    }
  }

  private var task: MQARTask? {
    taskVocabularySize.map(MQARTask.init(vocabularySize:))
  }

  private static func recall(_ reader: SettingsReader) throws(SettingsError) -> (Int, [MQARTask.Segment]) {
    let vocabularySize = try reader.integer("vocabulary_size", default: 8192, in: 4...Int(Int32.max))
    let lengths = try reader.integers("lengths", default: [64, 128, 256, 256, 256], in: 4...1 << 24)
    let pairCounts = try reader.integers("pairs", default: [4, 8, 16, 32, 64], in: 1...1 << 24)
    guard lengths.count == pairCounts.count, !lengths.isEmpty else {
      throw reader.invalid(
        "pairs", found: "\(pairCounts.count) numbers of pairs for \(lengths.count) lengths",
        allowed: "as many as lengths, at least one")
    }
    var segments: [MQARTask.Segment] = []
    for (place, (length, pairCount)) in zip(lengths, pairCounts).enumerated() {
      guard length % 2 == 0 else {
        throw reader.invalid("lengths[\(place)]", found: "\(length)", allowed: "an even number")
      }
      let limit = min(length / 4, MQARTask(vocabularySize: vocabularySize).largestPairCount)
      guard pairCount <= limit else {
        throw reader.invalid(
          "pairs[\(place)]", found: "\(pairCount)",
          allowed: "at most \(limit) at length \(length) with \(vocabularySize) ids")
      }
      segments.append(.init(length: length, pairCount: pairCount))
    }
    return (vocabularySize, segments)
  }
}
