import CPUBackend
import Foundation
import JSON
import Models
import Randomness
import TensorCore

/// A model of bytes with weights far from their first values, and the slow way to what it says.
struct SmallModel {
  let model: any LanguageModel
  let backend: any Backend

  static let longest = 40

  init(_ kind: Kind, backend: any Backend = CPUBackend(threadCount: 1)) throws {
    self.backend = backend
    let reader = JSONReader(kind.fields, path: "model")
    let config = try ModelConfig(reader)
    try reader.finish()
    model = config.makeModel(isTrained: false, backend: backend)
    var generator = CounterGenerator(seed: 5, stream: .task)
    model.parameters.weights.assign((0..<model.parameters.count).map { _ in Float(0.3 * generator.normal()) })
  }

  enum Kind: CaseIterable, Sendable {
    case cat, dense

    fileprivate var fields: JSONValue {
      let common: JSONValue = [
        "vocab_size": 256, "hidden_size": 16, "num_hidden_layers": 2, "intermediate_size": 24,
        "max_position_embeddings": .integer(SmallModel.longest),
      ]
      let own: JSONValue =
        switch self {
        case .cat:
          [
            "model_type": "cat", "num_heads": 2, "compressor_hidden_size": 8, "compressor_num_layers": 1,
            "compressor_num_heads": 1, "max_chunk_size": 8,
          ]
        case .dense: ["model_type": "llama", "num_attention_heads": 2]
        }
      return .mapping((common.entries ?? []) + (own.entries ?? []))
    }
  }

  /// Log-probabilities of the id at each place but the first, each from the logits of a forward pass over what is before.
  func logProbabilities(_ ids: [Int32], chunkSize: Int) -> [Double] {
    ids.indices.dropFirst().map { place in
      let input = ModelInput(
        ids: Array(ids[..<place]), sampleCount: 1, length: place, chunkSize: chunkSize, on: backend)
      let logits = model.logits(input, tape: Tape(backend: backend, isRecording: false)).values.suffix(256).map(
        Double.init)
      let largest = logits.max() ?? 0
      let sum = logits.reduce(0) { $0 + exp($1 - largest) }
      return logits[Int(ids[place])] - largest - log(sum)
    }
  }
}

/// Bytes that repeat and surprise.
func someText(count: Int, seed: UInt64 = 1) -> [Int32] {
  var generator = CounterGenerator(seed: seed, stream: .task)
  return (0..<count).map { _ in Int32(97 + generator.below(26)) }
}

func isClose(_ a: Double, _ b: Double, within bound: Double) -> Bool { abs(a - b) <= bound * max(abs(a), abs(b), 1) }

enum Fixtures {
  /// A directory with a `tokenizer.json`.
  static let tokenizer = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: "Fixtures/tokenizers/llama3").path
}
