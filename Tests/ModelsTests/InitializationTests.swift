import JSON
import Models
import TensorCore
import Testing

struct InitializationTests {
  private func config() throws -> ModelConfig {
    let fields: JSONValue = [
      "vocab_size": 60, "hidden_size": 32, "num_hidden_layers": 2, "num_heads": 2, "compressor_hidden_size": 16,
      "compressor_num_layers": 1, "compressor_num_heads": 1, "intermediate_size": 40, "max_chunk_size": 4,
      "max_position_embeddings": 64, "qkv_bias": true, "qk_norm": true, "initializer_range": 0.03,
    ]
    return try ModelConfig(JSONReader(fields, path: "model"))
  }

  private func weights(_ scheme: InitializationScheme, seed: UInt64) throws -> ParameterStore {
    let config = try config()
    let model = config.makeModel(isTrained: false, backend: BackendKind.fastest.make())
    model.parameters.initialize(config.specs(scheme: scheme), seed: seed)
    return model.parameters
  }

  /// The deviation that CAT_SPEC 9 gives a parameter; nil for one that is constant.
  private func deviation(_ name: String, _ scheme: InitializationScheme) -> Double? {
    if name.hasSuffix("norm.weight") || name.hasSuffix(".bias") { return nil }
    guard scheme == .reference else { return 0.03 }
    let (width, layerCount) = name.hasPrefix("model.compressor") ? (16.0, 1.0) : (32.0, 2.0)
    let endsBranch = name.hasSuffix("o_proj.weight") || name.hasSuffix("down_proj.weight")
    return endsBranch ? 1 / (width.squareRoot() * layerCount) : (2 / (5 * width)).squareRoot()
  }

  @Test(arguments: InitializationScheme.allCases)
  func `first weights have the deviation of their scheme`(_ scheme: InitializationScheme) throws {
    let parameters = try weights(scheme, seed: 11)
    for spec in parameters.specs {
      let values = parameters[spec.name].values.map(Double.init)
      guard let expected = deviation(spec.name, scheme) else {
        #expect(values.allSatisfy { $0 == (spec.name.hasSuffix(".bias") ? 0 : 1) }, "\(spec.name)")
        continue
      }
      let count = Double(values.count)
      let mean = values.reduce(0, +) / count
      let found = (values.reduce(0) { $0 + $1 * $1 } / count).squareRoot()
      // Five times the deviation of each estimate.
      #expect(abs(found / expected - 1) <= 5 / (2 * count).squareRoot(), "\(spec.name): \(expected), got \(found)")
      #expect(abs(mean) <= 5 * expected / count.squareRoot(), "\(spec.name): mean \(mean)")
    }
  }

  @Test func `the same seed gives the same weights, another seed others`() throws {
    let first = try weights(.fla, seed: 1).weights.values
    #expect(try weights(.fla, seed: 1).weights.values == first)
    #expect(try weights(.fla, seed: 2).weights.values != first)
  }

  @Test func `no two tensors have the same weights`() throws {
    let parameters = try weights(.fla, seed: 1)
    let matrices = parameters.specs.filter { deviation($0.name, .fla) != nil }
    #expect(Set(matrices.map { parameters[$0.name].values[0] }).count == matrices.count)
  }
}
