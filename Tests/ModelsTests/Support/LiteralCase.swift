import JSON
import Models
import Randomness
import ReferenceBackend
import TensorCore
import Testing

/// A small CAT with weights far from their first values, and what to run it on.
struct LiteralCase: Sendable, CustomTestStringConvertible {
  var width = 8
  var headCount = 2
  var keyValueHeadCount = 2
  var layerCount = 2
  var mlpWidth = 10
  var compressorWidth = 6
  var compressorHeadCount = 1
  var compressorLayerCount = 1
  var vocabularySize = 11
  var hasBias = false
  var hasHeadNorm = false
  var isTied = false
  var paddingID: Int?
  var chunkSize: Int
  var length = 0
  var sampleCount = 1
  var seed: UInt64 = 1

  static let largestChunkSize = 8
  static let longestSequence = 32

  /// Every chunk size, plain and with all options, at lengths around whole chunks.
  static let grid: [LiteralCase] = [1, 2, 3, 4, 7, 8].flatMap { size -> [LiteralCase] in
    let lengths = [1, size - 1, size, 2 * size + 1].filter { $0 > 0 }
    return lengths.flatMap { length -> [LiteralCase] in
      let plain = LiteralCase(chunkSize: size, length: length)
      let full = LiteralCase(
        keyValueHeadCount: 1, hasBias: true, hasHeadNorm: true, isTied: true, chunkSize: size, length: length,
        sampleCount: 2)
      return [plain, full]
    }
  }

  /// Configurations drawn by lot.
  static let drawn: [LiteralCase] = (0..<16).map { (index: UInt64) -> LiteralCase in
    var generator = CounterGenerator(seed: 20251, stream: .task, index: index)
    let headCount = 1 + generator.below(4)
    let divisors = (1...headCount).filter { headCount % $0 == 0 }
    let compressorHeadCount = 1 + generator.below(2)
    return LiteralCase(
      width: headCount * 2 * (1 + generator.below(3)), headCount: headCount,
      keyValueHeadCount: divisors[generator.below(divisors.count)], layerCount: 1 + generator.below(3),
      mlpWidth: 3 + generator.below(9), compressorWidth: compressorHeadCount * 2 * (1 + generator.below(3)),
      compressorHeadCount: compressorHeadCount, compressorLayerCount: 1 + generator.below(2),
      vocabularySize: 5 + generator.below(12), hasBias: generator.below(2) == 0, hasHeadNorm: generator.below(2) == 0,
      isTied: generator.below(2) == 0, chunkSize: 1 + generator.below(largestChunkSize),
      length: 1 + generator.below(24), sampleCount: 1 + generator.below(2), seed: index)
  }

  var testDescription: String {
    "C=\(chunkSize) T=\(length) B=\(sampleCount) D=\(width) H=\(headCount)/\(keyValueHeadCount) n=\(layerCount)"
      + " d=\(compressorWidth) h=\(compressorHeadCount) m=\(compressorLayerCount) I=\(mlpWidth) V=\(vocabularySize)"
      + (hasBias ? " bias" : "") + (hasHeadNorm ? " qk-norm" : "") + (isTied ? " tied" : "")
  }

  func config() throws -> CATConfig {
    let fields: JSONValue = [
      "vocab_size": .integer(vocabularySize), "hidden_size": .integer(width), "num_heads": .integer(headCount),
      "num_kv_heads": .integer(keyValueHeadCount), "num_hidden_layers": .integer(layerCount),
      "compressor_hidden_size": .integer(compressorWidth), "compressor_num_heads": .integer(compressorHeadCount),
      "compressor_num_layers": .integer(compressorLayerCount), "intermediate_size": .integer(mlpWidth),
      "max_chunk_size": .integer(Self.largestChunkSize), "max_position_embeddings": .integer(Self.longestSequence),
      "qkv_bias": .flag(hasBias), "qk_norm": .flag(hasHeadNorm), "tie_word_embeddings": .flag(isTied),
      "pad_token_id": paddingID.map(JSONValue.integer) ?? .null,
    ]
    return try CATConfig(JSONReader(fields, path: "model"))
  }

  func model(on backend: any Backend) throws -> CATModel {
    let model = CATModel(try config(), isTrained: true, backend: backend)
    let weights = testValues(count: model.parameters.count, seed: seed, scale: 0.8)
    model.parameters.weights.assign(weights)
    return model
  }

  /// `sampleCount` rows of `length` ids.
  var samples: [[Int32]] { ids(stream: 0) }
  /// Targets of the same shape.
  var targets: [[Int32]] { ids(stream: 1) }

  private func ids(stream: UInt64) -> [[Int32]] {
    var generator = CounterGenerator(seed: seed &+ 77, stream: .task, index: stream)
    return (0..<sampleCount).map { _ in
      (0..<length).map { _ in Int32(generator.below(vocabularySize)) }
    }
  }

  /// The case as a model's input.
  func input(positions: [Int32]? = nil, on backend: any Backend) -> ModelInput {
    ModelInput(
      ids: samples.flatMap { $0 }, sampleCount: sampleCount, length: length, chunkSize: chunkSize,
      positions: positions, on: backend)
  }
}

extension LanguageModel {
  /// Sets the gradients to zero, then leaves those of the mean loss there.
  ///
  /// - Returns: the mean loss over all targets that are not ignored.
  func meanLoss(
    _ samples: [[Int32]], targets: [[Int32]], chunkSize: Int, recomputation: Recomputation = .none,
    backend: any Backend
  ) -> Double {
    if let gradients = parameters.gradients { backend.fill(gradients, with: 0) }
    let targets = targets.flatMap { $0 }
    let count = targets.count { $0 >= 0 }
    let tape = Tape(backend: backend, isRecording: true, recomputation: recomputation)
    let result = loss(
      ids: samples.flatMap { $0 }, targets: targets, sampleCount: samples.count, length: samples[0].count,
      chunkSize: chunkSize, gradientScale: 1 / Float(count), tape: tape)
    tape.backward()
    return result.lossSum / Double(count)
  }
}
