package import JSON
package import Settings
package import Tokenizers

/// The section `data` of a run file: what is trained and measured on.
package struct DataConfig: Hashable, Sendable {
  package enum Kind: String, CaseIterable, Sendable {
    /// Token shards.
    case tokens
    /// Multi-query associative recall, made while training.
    case mqar
  }

  /// What names the section in messages: its path in the run file, or an option of the command line.
  package var section = "data"
  package private(set) var kind = Kind.tokens
  /// Paths of shards, directories or patterns, relative to the current directory; empty for recall.
  package private(set) var trainingPaths: [String] = []
  /// What is trained on instead of ``trainingPaths``, each with a weight; empty without.
  package private(set) var sources: [DataSource] = []
  /// Of all shards that say nothing else.
  package private(set) var format = FormatChoice.auto
  package private(set) var documentBoundaries = DocumentBoundaries.ignore
  /// As the training's; empty if there is nothing to measure on.
  package var validationPaths: [String] = []
  /// `bytes`, or the path of a tokenizer's file.
  private var tokenizerName: String?
  /// The most samples to measure on; nil for all.
  package var validationSampleCount: Int?
  /// T; for recall the largest length.
  package private(set) var context = 0
  private var recall = RecallConfig()

  /// Token shards.
  package init(
    context: Int, trainingPaths: [String], validationPaths: [String] = [], format: FormatChoice = .auto,
    documentBoundaries: DocumentBoundaries = .ignore
  ) {
    self.documentBoundaries = documentBoundaries
    self.context = context
    self.format = format
    self.trainingPaths = trainingPaths
    self.validationPaths = validationPaths
  }

  /// The recall task.
  package init(_ recall: RecallConfig) {
    kind = .mqar
    setRecall(recall)
  }

  /// - Parameter reader: the section `data`.
  package init(_ reader: JSONReader) throws(JSONError) {
    section = reader.path
    try reader.read([Self.kindKey], into: &self)
    switch kind {
    case .tokens:
      let hasSources = reader.has("sources")
      try reader.read(Self.tokenKeys(hasSources: hasSources), into: &self)
      try readSources(reader)
      guard hasSources || !trainingPaths.isEmpty else {
        throw reader.invalid("train", found: "an empty list", allowed: "at least one path")
      }
    case .mqar:
      setRecall(try RecallConfig(reader))
    }
  }

  private mutating func readSources(_ reader: JSONReader) throws(JSONError) {
    guard let entries = try reader.optionalSections(Self.sourcesName, textKey: "path") else { return }
    guard !entries.isEmpty else {
      throw reader.invalid(Self.sourcesName, found: "an empty list", allowed: "at least one source")
    }
    guard trainingPaths.isEmpty else {
      throw reader.invalid(Self.sourcesName, found: "\(Self.sourcesName) beside train", allowed: "one of the two")
    }
    for entry in entries { sources.append(try DataSource(entry, format: format)) }
  }

  private mutating func setRecall(_ recall: RecallConfig) {
    self.recall = recall
    validationSampleCount = recall.validationSampleCount
    context = recall.lengths.max() ?? 0
  }

  private static let kindKey: Key<Self> = .choice(
    "kind", \.kind, "What is trained on: token shards (tokens), or recall tasks made while training (mqar).")

  private static let sourcesName = "sources"

  /// - Parameter hasSources: whether `train` may be absent.
  private static func tokenKeys(hasSources: Bool) -> [Key<Self>] {
    [
      .integer("context", \.context, default: .required, in: 1...1 << 24, "Tokens of a sample."),
      .texts(
        "train", \.trainingPaths, default: hasSources ? .derived("required without sources") { _ in [] } : .required,
        allowed: "paths of shards, directories, or patterns with *",
        "The shards to train on, relative to the current directory; of a directory whose files are named _train_ and "
          + "_val_, as catlm tokenize names them, or train.bin and val.bin, the first ones."),
    ] + otherTokenKeys
  }

  private static let otherTokenKeys: [Key<Self>] = [
    .texts(
      "validation", \.validationPaths, allowed: "paths of shards, directories, or patterns with *",
      "The shards to measure on; of such a directory the _val_ ones. None: no validation."),
    .choice(
      "format", \.format,
      "What the shards are: auto reads what each file says of itself (.bin of llm.c, .npy of 16, 32 or 64 bits, .bin with "
        + "an .idx of Megatron); nanogpt reads .bin files of 16-bit ids without a header."),
    .choice(
      "document_boundaries", \.documentBoundaries,
      "Samples that hold parts of several documents: ignore makes one sequence of them; reset makes a sequence of each "
        + "part, with positions and chunks of its own, that sees nothing of the others. Where documents begin is said by "
        + "the .documents of catlm tokenize, the index of Megatron, or the tokenizer's id that ends documents."),
    .optionalText(
      "tokenizer", \.tokenizerName, none: "none", allowed: "bytes, or the path of a tokenizer.json or its directory",
      "What made the ids; it travels in every checkpoint. Needed to evaluate and generate text."),
    .optionalInteger(
      "validation_samples", \.validationSampleCount, none: "all", in: 1...Int.max, "The most samples to measure on."),
  ]

  private static var sourceDeclarations: [KeyDeclaration] {
    let list = KeyDeclaration(
      name: sourcesName, type: "list of mappings", fallback: .none("what train names"),
      allowed: "each a path, or a mapping with path, weight and format",
      sentence:
        "Several sets of shards to train on, each drawn from as often as its weight says and with passes of its "
        + "own over it; instead of train.")
    return [list] + DataSource.keys.declarations(DataSource(paths: [])).map { $0.inside(sourcesName + "[]") }
  }

  package static let declaration = SectionDeclaration(
    name: "data", sentence: "What is trained and measured on.",
    keys: [kindKey.declaration(Self(context: 0, trainingPaths: []))],
    kinds: [
      .init(
        name: Kind.tokens.rawValue, sentence: "Token shards, as catlm tokenize writes them.",
        keys: tokenKeys(hasSources: true).declarations(Self(context: 0, trainingPaths: [])) + sourceDeclarations),
      .init(
        name: Kind.mqar.rawValue,
        sentence: "Multi-query associative recall, generated from the seed (Zoology's distribution).",
        keys: RecallConfig.keys.declarations(RecallConfig())),
    ])

  /// Vocabulary of the recall task.
  package var taskVocabularySize: Int? { kind == .mqar ? recall.vocabularySize : nil }
  /// Shapes of the recall task's samples.
  package var segments: [MQARTask.Segment] { kind == .mqar ? recall.segments : [] }

  /// What made the ids; nil if the section does not say.
  package var tokenizer: TokenizerChoice? { tokenizerName.map(TokenizerChoice.init) }

  /// Ids are below this, as far as the section alone says so.
  package var knownVocabularySize: Int? {
    taskVocabularySize ?? (tokenizer == .bytes ? ByteTokenizer().vocabularySize : nil)
  }

  /// Reads the tokenizer that the section names.
  package func loadTokenizer() throws(JSONError) -> (any Tokenizer)? {
    guard let tokenizer else { return nil }
    do {
      return try tokenizer.load()
    } catch {
      guard error.key.hasPrefix(tokenizer.text) else { throw error }
      throw .invalid(key: "\(section).tokenizer", found: "\(tokenizer.text): \(error.found)", allowed: error.allowed)
    }
  }

  /// Opens the training data.
  ///
  /// - Parameter endOfDocument: the tokenizer's id; nil if it has none, or where ``documentBoundaries`` do not count.
  package func training(seed: UInt64, endOfDocument: Int32? = nil) throws(TokenError) -> any TrainingData {
    if let task { return MQARTrainingData(task: task, segments: segments, seed: seed) }
    guard sources.isEmpty else {
      return try TokenTrainingData(
        sources, key: "\(section).\(Self.sourcesName)", context: context, seed: seed,
        vocabularySize: knownVocabularySize, cut: cut(endOfDocument))
    }
    let dataset = try dataset("train", trainingPaths, .training, endOfDocument)
    return TokenTrainingData(dataset: dataset, seed: seed, vocabularySize: knownVocabularySize)
  }

  /// Opens the data to measure on; nil if the run file names none.
  ///
  /// - Parameter endOfDocument: as above.
  package func validation(
    seed: UInt64, batchSize: Int, endOfDocument: Int32? = nil
  ) throws(TokenError) -> (any ValidationData)? {
    if let task {
      return MQARValidationData(
        task: task, segments: segments, sampleCount: validationSampleCount ?? segments.count, seed: seed,
        batchSize: batchSize)
    }
    guard !validationPaths.isEmpty else { return nil }
    let dataset = try dataset("validation", validationPaths, .validation, endOfDocument)
    return TokenValidationData(dataset: dataset, sampleLimit: validationSampleCount, batchSize: batchSize)
  }

  /// The shards that are both trained and measured on, by whatever names.
  package func sharedShards() throws(TokenError) -> [String] {
    guard kind == .tokens, !validationPaths.isEmpty else { return [] }
    let paths = sources.isEmpty ? trainingPaths : sources.flatMap(\.paths)
    let trained = Set(try ShardPaths.expand(paths, split: .training).map(ShardPaths.identity))
    return try ShardPaths.expand(validationPaths, split: .validation).filter {
      trained.contains(ShardPaths.identity(of: $0))
    }
  }

  private func cut(_ endOfDocument: Int32?) -> DocumentCut? {
    documentBoundaries == .reset ? DocumentCut(endOfDocument: endOfDocument) : nil
  }

  private func dataset(
    _ key: String, _ paths: [String], _ split: TokenSplit, _ endOfDocument: Int32?
  ) throws(TokenError) -> TokenDataset {
    do {
      return try TokenDataset(
        paths: paths, context: context, split: split, format: format, cut: cut(endOfDocument))
    } catch {
      // An option of the command line is named as it was typed.
      throw error.named(by: section.hasPrefix("--") ? section : "\(section).\(key)")
    }
  }

  private var task: MQARTask? {
    taskVocabularySize.map(MQARTask.init(vocabularySize:))
  }
}
