import JSON
import Settings
import Testing

@testable import TokenData

@Suite struct DataConfigTests {
  static func config(_ yaml: String) throws -> (DataConfig, JSONValue) {
    let reader = try RunFile(yaml: "data: {\(yaml)}", name: "f.yaml").reader()
    let config = try DataConfig(reader.section("data"))
    try reader.finish()
    return (config, reader.resolved)
  }

  @Test func `token data is the default`() throws {
    let (config, resolved) = try Self.config("context: 64, train: a.bin")
    #expect(config.kind == .tokens && config.context == 64 && config.trainingPaths == ["a.bin"])
    #expect(config.tokenizer == nil)
    #expect(
      resolved == [
        "data": [
          "kind": "tokens", "context": 64, "train": ["a.bin"], "validation": [], "format": "auto",
          "document_boundaries": "ignore", "tokenizer": nil, "validation_samples": nil, "sources": nil,
        ]
      ])
    #expect(try Self.config("context: 64, train: [a], tokenizer: bytes").0.loadTokenizer()?.vocabularySize == 256)
    let file = try Self.config("context: 64, train: [a], tokenizer: gpt2.json").0
    #expect(file.tokenizer == .file("gpt2.json") && file.knownVocabularySize == nil)
    let error = #expect(throws: JSONError.self) { try file.loadTokenizer() }
    #expect(error?.description.contains("data.tokenizer: found gpt2.json: no such file") == true)
  }

  @Test func `recall has Zoology's segments by default`() throws {
    let (config, _) = try Self.config("kind: mqar")
    #expect(config.context == 256 && config.segments.count == 5 && config.taskVocabularySize == 8192)
    #expect(config.segments.map(\.pairCount) == [4, 8, 16, 32, 64])
    let training = try config.training(seed: 1)
    #expect(training.vocabularySize == 8192 && training is MQARTrainingData)
    let validation = try #require(try config.validation(seed: 1, batchSize: 128))
    #expect(validation.batchCount == 10)
  }

  @Test(arguments: [
    "context: 64, train: a.bin", "kind: mqar", "context: 8, train: [a, b], tokenizer: bytes, validation: v",
    "context: 8, train: a, format: nanogpt", "context: 8, sources: [a, {path: [b, c], weight: 0.5, format: nanogpt}]",
  ])
  func `the resolved section gives the same configuration`(yaml: String) throws {
    let (config, resolved) = try Self.config(yaml)
    let reader = try RunFile(yaml: resolved.yaml(), name: "again").reader()
    #expect(try DataConfig(reader.section("data")) == config)
    try reader.finish()
    #expect(reader.resolved == resolved)
  }

  @Test(arguments: [
    ("train: a", "data.context: missing; required: an integer in 1...16777216"),
    ("context: 4", "data.train: missing; required: text or a list of texts"),
    ("context: 4, train: []", "data.train: found an empty list; allowed: at least one path"),
    ("context: 4, train: [1]", "data.train[0]: found 1; allowed: text"),
    ("context: 0, train: a", "data.context: found 0; allowed: an integer in 1...16777216"),
    ("context: 4, train: a, format: raw", "data.format: found text \"raw\"; allowed: one of auto, nanogpt"),
    ("context: 4, sources: []", "data.sources: found an empty list; allowed: at least one source"),
    ("context: 4, sources: a", "data.sources: found text \"a\"; allowed: a list, each a text or a mapping"),
    ("context: 4, train: a, sources: [b]", "data.sources: found sources beside train; allowed: one of the two"),
    ("context: 4, sources: [{weight: 2}]", "data.sources[0].path: missing; required: text or a list of texts"),
    ("context: 4, sources: [a, {path: []}]", "data.sources[1].path: found an empty list; allowed: at least one path"),
    (
      "context: 4, sources: [{path: a, weight: 0}]",
      "data.sources[0].weight: found 0; allowed: a number at least 1e-06 and at most 1000000000.0"
    ),
    ("context: 4, sources: [{path: a, wieght: 1}]", "data.sources[0].wieght: unknown key; did you mean"),
    ("kind: text", "data.kind: found text \"text\"; allowed: one of tokens, mqar"),
    ("context: 4, train: a, tokenizer: 2", "data.tokenizer: found 2; allowed: text"),
    (
      "kind: mqar, lengths: [64]",
      "data.pairs: found 5 numbers of pairs for 1 lengths; allowed: as many as lengths, at least one"
    ),
    ("kind: mqar, lengths: 63, pairs: 4", "data.lengths[0]: found 63; allowed: an even number"),
    ("kind: mqar, lengths: 64, pairs: 17", "data.pairs[0]: found 17; allowed: at most 16 at length 64 with 8192 ids"),
    (
      "kind: mqar, vocabulary_size: 16, lengths: 64, pairs: 8",
      "data.pairs[0]: found 8; allowed: at most 7 at length 64 with 16 ids"
    ),
    (
      "kind: mqar, contxt: 3",
      "data.contxt: unknown key; allowed here: kind, lengths, pairs, validation_samples, vocabulary_size"
    ),
  ])
  func `a mistake is named by its key`(yaml: String, message: String) throws {
    let error = #expect(throws: JSONError.self) { try Self.config(yaml) }
    #expect(error?.description.hasPrefix("f.yaml: " + message) == true, "\(String(describing: error))")
  }

  @Test func `token data is opened for training and validation`() throws {
    let scratch = try Scratch()
    let ids = (0..<100).map { Int32($0) }
    try TokenShardWriter.write(ids, vocabularySize: 256, to: scratch.file("x_train_000000.bin"))
    try TokenShardWriter.write(ids, vocabularySize: 256, to: scratch.file("x_val_000000.bin"))
    let (config, _) = try Self.config(
      "context: 8, train: '\(scratch.path)', validation: '\(scratch.path)', tokenizer: bytes, validation_samples: 5")
    let training = try config.training(seed: 1)
    #expect(training.samplesPerEpoch == 12 && training.vocabularySize == 256)
    #expect(try config.validation(seed: 1, batchSize: 2)?.batchCount == 3)
    #expect(try Self.config("context: 8, train: a").0.validation(seed: 1, batchSize: 2) == nil)
  }

  @Test func `sources take the format of the section unless they have one`() throws {
    let (config, _) = try Self.config(
      "context: 8, format: nanogpt, sources: [a, {path: [b, c], weight: 3, format: auto}]")
    #expect(
      config.sources == [
        DataSource(paths: ["a"], format: .nanogpt), DataSource(paths: ["b", "c"], weight: 3, format: .auto),
      ])
    #expect(config.trainingPaths.isEmpty)
  }
}
