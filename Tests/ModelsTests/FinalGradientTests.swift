import JSON
import Models
import TensorCore
import Testing

/// A gradient that was sent to other ranks must not change any more.
struct FinalGradientTests {
  private static let cat: [String: JSONValue] = [
    "model_type": "cat", "vocab_size": 20, "hidden_size": 24, "num_hidden_layers": 2, "num_heads": 3,
    "compressor_hidden_size": 12, "compressor_num_layers": 2, "compressor_num_heads": 2, "max_chunk_size": 8,
    "max_position_embeddings": 32,
  ]
  private static let dense: [String: JSONValue] = [
    "model_type": "llama", "vocab_size": 20, "hidden_size": 24, "num_hidden_layers": 2, "num_attention_heads": 3,
    "max_position_embeddings": 32,
  ]
  private static let models: [[String: JSONValue]] = [
    cat, cat.merging(["tie_word_embeddings": true, "qkv_bias": true, "qk_norm": true]) { $1 },
    dense, dense.merging(["tie_word_embeddings": true, "attention_bias": true]) { $1 },
  ]

  /// A model and a forward pass over two samples of 13 tokens, recorded.
  private static func recorded(
    _ fields: [String: JSONValue], chunkSize: Int
  ) throws -> (parameters: ParameterStore, tape: Tape) {
    let entries = fields.sorted { $0.key < $1.key }.map { JSONValue.Entry(key: $0.key, value: $0.value) }
    let config = try ModelConfig(JSONReader(.mapping(entries), path: "model"))
    let backend = BackendKind.reference.make()
    let model = config.makeModel(isTrained: true, backend: backend)
    model.parameters.initialize(config.specs(scheme: .fla), seed: 3)
    let tape = Tape(backend: backend, isRecording: true)
    let ids = (0..<26).map { Int32($0 * 7 % 20) }
    _ = model.loss(
      ids: ids, targets: ids.map { ($0 + 3) % 20 }, sampleCount: 2, length: 13, chunkSize: chunkSize,
      gradientScale: 0.1, tape: tape)
    return (model.parameters, tape)
  }

  @Test(arguments: models, [1, 4, 8])
  func `what no outstanding write touches does not change any more`(
    fields: [String: JSONValue], chunkSize: Int
  ) throws {
    let (parameters, tape) = try Self.recorded(fields, chunkSize: chunkSize)
    try expectFinal(parameters, tape)
  }

  @Test(arguments: VariantCase.drawn.prefix(12))
  func `what no outstanding write touches does not change any more in other kinds`(of testCase: VariantCase) throws {
    let backend = BackendKind.reference.make()
    let model = try testCase.model(on: backend)
    let tape = Tape(backend: backend, isRecording: true)
    _ = model.loss(
      ids: testCase.samples.flatMap { $0 }, targets: testCase.targets.flatMap { $0 },
      sampleCount: testCase.sampleCount, length: testCase.length, chunkSize: testCase.chunkSize, gradientScale: 0.1,
      tape: tape)
    try expectFinal(model.parameters, tape)
  }

  private func expectFinal(_ parameters: ParameterStore, _ tape: Tape) throws {
    let gradients = try #require(parameters.gradients)
    var outstanding = parameters.ranges.map { range in tape.outstandingWrites.count { $0.overlaps(range) } }
    var final: [[UInt32]?] = parameters.ranges.map { _ in nil }
    let keepFinal = {
      for (index, range) in parameters.ranges.enumerated() where outstanding[index] == 0 && final[index] == nil {
        final[index] = gradients.rows(range).values.map(\.bitPattern)
      }
    }
    keepFinal()
    tape.backward { written in
      for (index, range) in parameters.ranges.enumerated() where range.overlaps(written) { outstanding[index] -= 1 }
      keepFinal()
    }
    #expect(outstanding.allSatisfy { $0 == 0 } && tape.outstandingWrites.isEmpty)
    for (index, spec) in parameters.specs.enumerated() {
      let bits = gradients.rows(parameters.ranges[index]).values.map(\.bitPattern)
      #expect(final[index] == bits, "\(spec.name) changed after it was final")
    }
  }

  @Test(arguments: models)
  func `layers are final in reverse order of memory`(fields: [String: JSONValue]) throws {
    let (parameters, tape) = try Self.recorded(fields, chunkSize: 4)
    let layers = zip(parameters.specs, parameters.ranges).filter {
      $0.0.name.contains("layers.") && $0.0.name.contains("_proj") && $0.0.shape.count == 2
    }
    var written: [Int: Int] = [:]
    var now = 0
    tape.backward { range in
      now += 1
      for (index, layer) in layers.enumerated() where layer.1.overlaps(range) { written[index] = now }
    }
    let times = try layers.indices.map { try #require(written[$0]) }
    #expect(times == times.sorted(by: >), "\(times)")
  }
}
