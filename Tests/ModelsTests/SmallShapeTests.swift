import CPUBackend
import JSON
import Models
import Randomness
import TensorCore
import Testing

/// Steps of the smallest shapes, in some of which ops have nothing to work on: samples shorter than their chunk have no
/// compressed chunk, samples without a target no row for the head.
struct SmallShapeTests {
  struct Shape: Sendable, CustomTestStringConvertible {
    let model: VariantCase
    /// Which of the positions have a target, of a sample each.
    let targetCount: Int

    var testDescription: String { "\(model.testDescription), \(targetCount) targets a sample" }
  }

  /// Every kind of model with a sample of one token, one shorter than a chunk, a whole one, and one more.
  static let shapes: [Shape] = (0..<60).map { (index: UInt64) -> Shape in
    var generator = CounterGenerator(seed: 20260, stream: .task, index: index)
    let chunkSize = 1 + generator.below(6)
    let length = [1, max(1, chunkSize - 1), chunkSize, chunkSize + 1, 2 * chunkSize][Int(index / 4) % 5]
    func flip() -> JSONValue { .flag(generator.below(2) == 0) }
    let network: [(String, JSONValue)] = [
      ("hidden_size", 8), ("num_heads", 2), ("num_hidden_layers", .integer(1 + generator.below(2))),
      ("compressor_hidden_size", 4), ("compressor_num_heads", 1),
      ("compressor_num_layers", .integer(1 + generator.below(2))), ("intermediate_size", 5),
      ("compressor_intermediate_size", 3), ("qkv_bias", flip()), ("qk_norm", flip()), ("tie_word_embeddings", flip()),
    ]
    let fields: [(String, JSONValue)] =
      switch index % 4 {
      case 0: [("model_type", "cat"), ("max_chunk_size", 6)] + network
      case 1: [("model_type", "cat_fixed"), ("chunk_size", .integer(chunkSize))] + network
      case 2:
        [
          ("model_type", "hybrid"), ("hidden_size", 8), ("num_attention_heads", 2), ("intermediate_size", 5),
          ("qk_norm", flip()), ("attention_bias", flip()), ("max_chunk_size", 6),
          (
            "layers",
            [
              ["type": "cat", "chunk_size": .integer(chunkSize), "dim_fx": 12, "head_dim": 6],
              ["type": "adaptive_cat", "dim_fx": 6, "head_dim": 6], ["type": "window", "window": 2],
            ]
          ),
        ]
      default:
        [
          ("model_type", "llama"), ("hidden_size", 8), ("num_hidden_layers", 2), ("num_attention_heads", 2),
          ("num_key_value_heads", 1), ("intermediate_size", 5), ("qk_norm", flip()),
        ]
      }
    let model = VariantCase(
      fields, chunkSize: chunkSize, length: length, sampleCount: 1 + generator.below(2), seed: index)
    return Shape(model: model, targetCount: generator.below(length + 1))
  }

  /// Loss and gradients of one step.
  private func step(
    _ shape: Shape, _ recomputation: Recomputation, on backend: any Backend
  ) throws -> (loss: Double, gradients: [Float]) {
    let model = try shape.model.model(on: backend)
    let targets = shape.model.targets.flatMap { sample in
      sample.indices.map { $0 < shape.targetCount ? sample[$0] : -100 }
    }
    let tape = Tape(backend: backend, isRecording: true, recomputation: recomputation)
    let head = model.loss(
      ids: shape.model.samples.flatMap { $0 }, targets: targets, sampleCount: shape.model.sampleCount,
      length: shape.model.length, chunkSize: shape.model.chunkSize, gradientScale: 0.1, tape: tape)
    tape.backward()
    return (head.lossSum, try #require(model.parameters.gradients).values)
  }

  @Test(arguments: shapes, ProductPrecision.allCases)
  func `a step of any small shape runs, whatever is computed again`(shape: Shape, precision: ProductPrecision) throws {
    let backend = CPUBackend(threadCount: 2, precision: precision)
    let kept = try step(shape, .none, on: backend)
    #expect(kept.loss.isFinite && kept.gradients.allSatisfy { $0.isFinite })
    #expect(kept.gradients.contains { $0 != 0 } == (shape.targetCount > 0))
    for recomputation in [Recomputation.attention, .blocks] {
      let again = try step(shape, recomputation, on: backend)
      #expect(again.loss == kept.loss && again.gradients == kept.gradients, "\(recomputation)")
    }
  }

  @Test(arguments: shapes, ProductPrecision.allCases)
  func `an evaluation of any small shape runs`(shape: Shape, precision: ProductPrecision) throws {
    let backend = CPUBackend(threadCount: 1, precision: precision)
    let model = try shape.model.model(on: backend)
    let logits = model.logits(shape.model.input(on: backend), tape: Tape(backend: backend, isRecording: false)).values
    #expect(logits.count == shape.model.sampleCount * shape.model.length * VariantCase.vocabularySize)
    #expect(logits.allSatisfy { $0.isFinite })
  }
}
