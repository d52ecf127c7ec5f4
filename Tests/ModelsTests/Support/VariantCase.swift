import JSON
import Models
import Randomness
import ReferenceBackend
import TensorCore
import Testing

/// A small model of any kind but the adaptive CAT, with weights far from their first values, and what to run it on.
struct VariantCase: Sendable, CustomTestStringConvertible {
  let fields: JSONValue
  /// Of the call.
  let chunkSize: Int
  let length: Int
  var sampleCount = 1
  var seed: UInt64 = 1

  static let vocabularySize = 11
  static let longestSequence = 32

  var testDescription: String {
    "C=\(chunkSize) T=\(length) B=\(sampleCount) \(fields.json(pretty: false))"
  }

  init(_ fields: [(String, JSONValue)], chunkSize: Int = 1, length: Int, sampleCount: Int = 1, seed: UInt64 = 1) {
    let common: [(String, JSONValue)] = [
      ("vocab_size", .integer(Self.vocabularySize)), ("max_position_embeddings", .integer(Self.longestSequence)),
    ]
    self.fields = .mapping((common + fields).map { .init(key: $0, value: $1) })
    self.chunkSize = chunkSize
    self.length = length
    self.sampleCount = sampleCount
    self.seed = seed
  }

  func config() throws -> ModelConfig {
    let reader = JSONReader(fields, path: "model")
    let config = try ModelConfig(reader)
    try reader.finish()
    return config
  }

  func model(on backend: any Backend) throws -> any LanguageModel {
    let model = try config().makeModel(isTrained: true, backend: backend)
    model.parameters.weights.assign(testValues(count: model.parameters.count, seed: seed, scale: 0.8))
    return model
  }

  func literal(_ parameters: ParameterStore) throws -> any LiteralModel {
    let config = try config()
    if let fixed = config.definition as? FixedCATConfig { return LiteralFixedCAT(fixed, parameters: parameters) }
    return LiteralHybrid(config, parameters: parameters)
  }

  /// `sampleCount` rows of `length` ids.
  var samples: [[Int32]] { ids(stream: 0) }
  /// Targets of the same shape.
  var targets: [[Int32]] { ids(stream: 1) }

  private func ids(stream: UInt64) -> [[Int32]] {
    var generator = CounterGenerator(seed: seed &+ 77, stream: .task, index: stream)
    return (0..<sampleCount).map { _ in
      (0..<length).map { _ in Int32(generator.below(Self.vocabularySize)) }
    }
  }

  func input(positions: [Int32]? = nil, on backend: any Backend) -> ModelInput {
    ModelInput(
      ids: samples.flatMap { $0 }, sampleCount: sampleCount, length: length, chunkSize: chunkSize,
      positions: positions, on: backend)
  }
}

extension VariantCase {
  /// Every chunk size at lengths around whole chunks, plain and with all options.
  static let fixed: [VariantCase] = [1, 2, 3, 4, 7].flatMap { (size: Int) -> [VariantCase] in
    [1, size - 1, size, 2 * size, 2 * size + 1].filter { $0 > 0 }.flatMap { length in
      [false, true].map { fixed(chunkSize: size, length: length, isFull: $0) }
    }
  }

  static func fixed(chunkSize: Int, length: Int, isFull: Bool) -> VariantCase {
    VariantCase(
      [
        ("model_type", "cat_fixed"), ("chunk_size", .integer(chunkSize)), ("hidden_size", 8), ("num_heads", 2),
        ("num_kv_heads", isFull ? 1 : 2), ("num_hidden_layers", 2), ("compressor_hidden_size", 12),
        ("compressor_num_heads", 2), ("compressor_num_kv_heads", isFull ? 1 : 2), ("compressor_num_layers", 1),
        ("intermediate_size", 10), ("compressor_intermediate_size", isFull ? 7 : .null), ("qkv_bias", .flag(isFull)),
        ("qk_norm", .flag(isFull)), ("compressor_qk_norm", .flag(isFull)), ("tie_word_embeddings", .flag(isFull)),
      ], chunkSize: chunkSize, length: length, sampleCount: isFull ? 2 : 1)
  }

  /// Each type of layer alone at several sizes, and all of them together.
  static let hybrids: [VariantCase] = {
    func layers(_ list: [JSONValue], chunkSize: Int = 1, length: Int, isFull: Bool) -> VariantCase {
      let usesAdaptive = list.contains { $0["type"] == "adaptive_cat" }
      return VariantCase(
        [
          ("model_type", "hybrid"), ("layers", .list(list)), ("hidden_size", 8), ("num_attention_heads", 2),
          ("num_key_value_heads", isFull ? 1 : 2), ("intermediate_size", 10), ("qk_norm", .flag(isFull)),
          ("attention_bias", .flag(isFull)), ("tie_word_embeddings", .flag(isFull)), ("rms_norm_eps", 1e-5),
        ] + (usesAdaptive ? [("max_chunk_size", 8)] : []), chunkSize: chunkSize, length: length,
        sampleCount: isFull ? 2 : 1)
    }
    let full: [VariantCase] = [1, 2, 3, 4, 7].flatMap { (size: Int) -> [VariantCase] in
      let cat: JSONValue = ["type": "cat", "chunk_size": .integer(size), "dim_fx": 12, "head_dim": 6]
      let adaptive: JSONValue = ["type": "adaptive_cat", "dim_fx": 6, "head_dim": 6]
      let window: JSONValue = ["type": "window", "window": .integer(size)]
      let lengths: [Int] = [1, 2 * size, 2 * size + 1]
      return lengths.flatMap { (length: Int) -> [VariantCase] in
        [
          layers([cat, cat], length: length, isFull: false),
          layers([adaptive, adaptive], chunkSize: size, length: length, isFull: true),
          layers([window, "dense"], length: length, isFull: true),
          layers(["dense", cat, adaptive, window], chunkSize: 3, length: length, isFull: false),
        ]
      }
    }
    return full
  }()

  /// Configurations drawn by lot.
  static let drawn: [VariantCase] = (0..<24).map { (index: UInt64) -> VariantCase in
    var generator = CounterGenerator(seed: 20252, stream: .task, index: index)
    func flip() -> JSONValue { .flag(generator.below(2) == 0) }
    func number(_ range: ClosedRange<Int>) -> Int { range.lowerBound + generator.below(range.count) }
    func divisor(_ count: Int) -> Int {
      let divisors = (1...count).filter { count % $0 == 0 }
      return divisors[generator.below(divisors.count)]
    }
    let headCount = number(1...4)
    // A norm of two channels leaves next to nothing of their gradient.
    let width = headCount * 2 * number(headCount == 1 ? 2...3 : 1...3)
    let length = number(1...24)
    let sampleCount = number(1...2)
    guard index % 2 == 0 else {
      let layers = (0..<number(1...4)).map { _ in layer(width / headCount, &generator) }
      return VariantCase(
        [
          ("model_type", "hybrid"), ("layers", .list(layers)), ("hidden_size", .integer(width)),
          ("num_attention_heads", .integer(headCount)), ("num_key_value_heads", .integer(divisor(headCount))),
          ("intermediate_size", .integer(number(3...11))), ("qk_norm", flip()), ("attention_bias", flip()),
          ("tie_word_embeddings", flip()),
        ] + (layers.contains { $0["type"] == "adaptive_cat" } ? [("max_chunk_size", 6)] : []),
        chunkSize: number(1...6), length: length, sampleCount: sampleCount, seed: index)
    }
    let compressorHeadCount = number(1...4)
    let chunkSize = number(1...8)
    return VariantCase(
      [
        ("model_type", "cat_fixed"), ("chunk_size", .integer(chunkSize)), ("hidden_size", .integer(width)),
        ("num_heads", .integer(headCount)), ("num_kv_heads", .integer(divisor(headCount))),
        ("num_hidden_layers", .integer(number(1...3))),
        ("compressor_hidden_size", .integer(compressorHeadCount * 2 * number(1...3))),
        ("compressor_num_heads", .integer(compressorHeadCount)),
        ("compressor_num_kv_heads", .integer(divisor(compressorHeadCount))),
        ("compressor_num_layers", .integer(number(1...2))), ("intermediate_size", .integer(number(3...11))),
        ("compressor_intermediate_size", .integer(number(3...11))), ("qkv_bias", flip()), ("qk_norm", flip()),
        ("compressor_qk_norm", flip()), ("tie_word_embeddings", flip()),
      ], chunkSize: chunkSize, length: length, sampleCount: sampleCount, seed: index)
  }

  /// One layer by lot, its heads at least as wide as `headWidth`.
  private static func layer(_ headWidth: Int, _ generator: inout CounterGenerator) -> JSONValue {
    let inner = headWidth + 2 * generator.below(3)
    let width = inner * (1 + generator.below(3))
    switch generator.below(4) {
    case 0: return "dense"
    case 1: return ["type": "window", "window": .integer(1 + generator.below(9))]
    case 2:
      return [
        "type": "cat", "chunk_size": .integer(1 + generator.below(8)), "dim_fx": .integer(width),
        "head_dim": .integer(inner),
      ]
    default: return ["type": "adaptive_cat", "dim_fx": .integer(width), "head_dim": .integer(inner)]
    }
  }
}
