import Generation
import JSON
import Models
import Randomness
import TensorCore
import Testing

/// Generation with a cache against the whole model run again.
struct DecodingTests {
  @Test(arguments: LiteralCase.grid + LiteralCase.drawn)
  func `hidden states are those of the whole model`(of testCase: LiteralCase) throws {
    let backend = BackendKind.fastest.make()
    let model = try testCase.model(on: backend)
    for split in [1, testCase.length / 2, testCase.length].filter({ $0 > 0 }) {
      try expectSameStates(model, testCase.samples, prompt: split, chunkSize: testCase.chunkSize, backend: backend)
    }
  }

  @Test(arguments: DecodedModel.all, [1, 3])
  func `hidden states of every kind of model are those of the whole model`(
    fields: DecodedModel, sampleCount: Int
  ) throws {
    let backend = BackendKind(level: .highest(for: .float32), threadCount: 1).make()
    let model = try fields.model(on: backend)
    let samples = fields.samples(count: sampleCount, length: 21)
    for prompt in [1, 2, 13] {
      try expectSameStates(model, samples, prompt: prompt, chunkSize: fields.chunkSize, backend: backend)
    }
  }

  /// The first rows in one go, then by one, by two and so on, as no generation would.
  @Test(arguments: DecodedModel.all)
  func `tokens may come in any portions`(fields: DecodedModel) throws {
    let backend = BackendKind(level: .highest(for: .float32), threadCount: 1).make()
    let model = try fields.model(on: backend)
    let samples = fields.samples(count: 2, length: 22)
    let state = model.makeDecodeState(sequenceCount: 2, length: 22, chunkSize: fields.chunkSize, backend: backend)
    let whole = LockstepSequences(
      RecomputedDecodeState(model, backend: backend), sequenceCount: 2, length: 22, chunkSize: fields.chunkSize)
    var start = 0
    for count in [4, 1, 2, 3, 5, 7] {
      let ids = samples.flatMap { $0[start..<start + count] }
      expectClose(state.advance(ids).values, whole.advance(ids).values, within: 2e-5, "after \(start) + \(count)")
      start += count
    }
  }

  @Test func `slow kernels give the same states`() throws {
    let backend = BackendKind.reference.make()
    let testCase = LiteralCase(hasBias: true, hasHeadNorm: true, chunkSize: 3, length: 11, sampleCount: 2)
    try expectSameStates(
      testCase.model(on: backend), testCase.samples, prompt: 4, chunkSize: 3, backend: backend)
  }

  private func expectSameStates(
    _ model: any LanguageModel, _ samples: [[Int32]], prompt: Int, chunkSize: Int, backend: any Backend
  ) throws {
    let length = samples[0].count
    let state = model.makeDecodeState(
      sequenceCount: samples.count, length: length, chunkSize: chunkSize, backend: backend)
    let whole = LockstepSequences(
      RecomputedDecodeState(model, backend: backend), sequenceCount: samples.count, length: length,
      chunkSize: chunkSize)
    var start = 0
    for end in prompt...length {
      let ids = samples.flatMap { $0[start..<end] }
      expectClose(state.advance(ids).values, whole.advance(ids).values, within: 2e-5, "\(start)..<\(end)")
      start = end
    }
  }

  @Test(arguments: DecodedModel.all)
  func `greedy tokens are the same with the cache and without`(fields: DecodedModel) throws {
    let backend = BackendKind.fastest.make()
    let model = try fields.model(on: backend)
    let prompts = fields.samples(count: 2, length: 9)
    let tokens = try [true, false].map { usesCache in
      try Generator(model: model, backend: backend, sampling: SamplingSettings(), usesCache: usesCache)
        .generate(prompts, count: 40, chunkSize: fields.chunkSize).tokens
    }
    #expect(tokens[0] == tokens[1])
    #expect(tokens[0].allSatisfy { $0.count == 40 })
  }

  @Test(arguments: DecodedModel.all)
  func `the cache holds as many bytes as the formula says`(fields: DecodedModel) throws {
    let backend = BackendKind.fastest.make()
    let model = try fields.model(on: backend)
    var others: [Int] = []
    for length in [1, 50, 128] {
      let used = backend.pool.statistics.usedBytes
      let state = model.makeDecodeState(
        sequenceCount: 3, length: length, chunkSize: fields.chunkSize, backend: backend)
      let formula = 3 * model.config.cacheBytes(length: length, chunkSize: fields.chunkSize)
      #expect(state.cacheBytes == formula)
      others.append(backend.pool.statistics.usedBytes - used - formula)
    }
    // Projections at this chunk size, which every length has; the pool gives whole lines of 64 bytes.
    #expect(others.allSatisfy { $0 >= 0 && abs($0 - others[0]) <= 6 * 64 }, "besides the cache: \(others)")
  }

  @Test(arguments: DecodedModel.all)
  func `a token costs the same at the end of a long sequence as at its beginning`(fields: DecodedModel) throws {
    let backend = BackendKind(level: .highest(for: .float32), threadCount: 1).make()
    let model = try fields.model(on: backend)
    let state = model.makeDecodeState(
      sequenceCount: 2, length: 96, chunkSize: fields.chunkSize, backend: backend)
    var requested: [Int] = []
    var allocations: [Int] = []
    for _ in 0..<96 {
      let before = backend.pool.statistics
      _ = state.advance([1, 2])
      requested.append(backend.pool.statistics.requestedBytes - before.requestedBytes)
      allocations.append(backend.pool.statistics.allocationCount)
    }
    // A token at the same place of its chunk works in the same memory, of which a row more would take some kilobytes.
    let period = 16 / fields.chunkSize * fields.chunkSize
    for token in 2 * period..<96 {
      #expect(requested[token] == requested[token - period], "token \(token)")
    }
    #expect(allocations[95] == allocations[2 * period], "later tokens take memory from the system")
  }
}

/// A small model of a kind, with weights that spread its logits.
struct DecodedModel: Sendable, CustomTestStringConvertible {
  let testDescription: String
  let fields: JSONValue
  var chunkSize = 1

  static let all: [DecodedModel] =
    [
      DecodedModel(testDescription: "dense", fields: denseFields),
      DecodedModel(
        testDescription: "dense, grouped, q/k norm, bias, tied",
        fields: denseFields.with([
          "num_key_value_heads": 1, "qk_norm": true, "attention_bias": true, "tie_word_embeddings": true,
        ])),
    ]
    + [1, 2, 5, 16].map { DecodedModel(testDescription: "adaptive CAT, C = \($0)", fields: catFields, chunkSize: $0) }
    + [1, 2, 4].map {
      DecodedModel(
        testDescription: "fixed CAT, C = \($0)",
        fields: fixedFields.with(["chunk_size": .integer($0)]), chunkSize: $0)
    }
    + [
      hybrid(["window", "dense", "cat"], ["sliding_window": 5, "chunk_size": 4, "dim_fx": 64]),
      hybrid(
        ["cat", ["type": "cat", "chunk_size": 2, "dim_fx": 32, "head_dim": 32]], ["chunk_size": 1, "dim_fx": 64]),
      hybrid(["adaptive_cat", "window"], ["max_chunk_size": 8, "sliding_window": 1, "qk_norm": true], chunkSize: 8),
      hybrid(["dense", "adaptive_cat"], ["max_chunk_size": 8, "num_hidden_layers": 4], chunkSize: 2),
    ]

  private static func hybrid(_ layers: JSONValue, _ more: JSONValue, chunkSize: Int = 1) -> DecodedModel {
    DecodedModel(
      testDescription: "hybrid of \(layers.json(pretty: false)), C = \(chunkSize)",
      fields: hybridFields.with(["layers": layers]).with(more), chunkSize: chunkSize)
  }

  private static let denseFields: JSONValue = [
    "model_type": "llama", "vocab_size": 64, "hidden_size": 48, "num_hidden_layers": 3, "num_attention_heads": 2,
    "intermediate_size": 96, "max_position_embeddings": 128, "initializer_range": 0.12,
  ]

  private static let catFields: JSONValue = [
    "model_type": "cat", "vocab_size": 64, "hidden_size": 48, "num_hidden_layers": 3, "num_heads": 2,
    "compressor_hidden_size": 24, "compressor_num_layers": 2, "compressor_num_heads": 1, "intermediate_size": 96,
    "max_chunk_size": 16, "max_position_embeddings": 128, "initializer_range": 0.12,
  ]

  private static let fixedFields: JSONValue = [
    "model_type": "cat_fixed", "vocab_size": 64, "hidden_size": 48, "num_hidden_layers": 3, "num_heads": 2,
    "compressor_hidden_size": 24, "compressor_num_layers": 1, "compressor_num_heads": 1, "intermediate_size": 96,
    "max_position_embeddings": 128, "initializer_range": 0.12,
  ]

  private static let hybridFields: JSONValue = [
    "model_type": "hybrid", "vocab_size": 64, "hidden_size": 48, "num_attention_heads": 4, "num_key_value_heads": 2,
    "intermediate_size": 96, "max_position_embeddings": 128, "initializer_range": 0.12,
  ]

  func model(on backend: any Backend) throws -> any LanguageModel {
    let config = try ModelConfig(JSONReader(fields, path: "model"))
    let model = config.makeModel(isTrained: false, backend: backend)
    model.parameters.initialize(config.specs(scheme: .fla), seed: 3)
    return model
  }

  func samples(count: Int, length: Int) -> [[Int32]] {
    var generator = CounterGenerator(seed: 8, stream: .task)
    return (0..<count).map { _ in (0..<length).map { _ in Int32(generator.below(64)) } }
  }
}

extension JSONValue {
  /// The mapping with further entries.
  fileprivate func with(_ more: JSONValue) -> JSONValue {
    .mapping((entries ?? []) + (more.entries ?? []))
  }
}
