import JSON
import ModelIO
import Models
import Testing

/// The authors' reference code: its configurations and the names of its tensors.
struct ReferenceConfigTests {
  private static func network(_ changes: [(String, JSONValue)] = []) -> JSONValue {
    let fields: [(String, JSONValue)] = [
      ("dim", 32), ("n_layer", 2), ("n_head", 4), ("n_local_heads", -1), ("intermediate_size", .null),
      ("padded_vocab_size", 256), ("block_size", 64), ("rope_base", 10000), ("rope_n_elem", 8), ("norm_eps", 1e-5),
      ("use_qk_norm", false), ("use_fused_ops", false),
    ]
    let kept = fields.filter { field in !changes.contains { $0.0 == field.0 } }
    return .mapping((kept + changes).map { .init(key: $0, value: $1) })
  }

  private func read(_ fields: JSONValue, _ names: Set<String> = []) throws -> ModelConfig {
    #expect(ReferenceConfig.matches(fields))
    let reader = JSONReader(try ReferenceConfig.modelFields(fields, tensorNames: names), path: "")
    let config = try ModelConfig(reader)
    try reader.finish()
    return config
  }

  @Test func `the kind is told by the fields and by the separator`() throws {
    let chunked = Self.network([("chunk_size", 8), ("dim_fx", 32)])
    let pair: JSONValue = ["decoder": chunked, "compressor": chunked]
    #expect(try read(Self.network()).definition is DenseConfig)
    #expect(try read(pair).definition is FixedCATConfig)
    #expect(try read(pair, ["seperator.weight"]).definition is CATConfig)
    let layer = Self.network([("chunk_size", 8), ("dim_fx", 64), ("rope_n_elem", 8)])
    #expect(try read(layer).definition is HybridConfig)
    #expect(!ReferenceConfig.matches(["model_type": "cat", "hidden_size": 8]))
  }

  @Test func `what is left out is what the reference code computes`() throws {
    let config = try read(Self.network([("n_local_heads", 2)]))
    let fields = config.huggingFace
    #expect(fields["num_key_value_heads"] == 2 && fields["intermediate_size"] == 256 && fields["rms_norm_eps"] == 1e-5)
    #expect(try read(Self.network()).huggingFace["num_key_value_heads"] == 4)
  }

  @Test(
    arguments: [
      ("rope_n_elem", 4), ("dim", .null), ("block_size", "long"), ("norm_eps", 1e-6),
    ] as [(String, JSONValue)])
  func `a field that ours cannot express is refused by name`(key: String, value: JSONValue) throws {
    let fields = Self.network([(key, value)] + (key == "norm_eps" ? [("use_qk_norm", true)] : []))
    let pair: JSONValue = ["decoder": fields, "compressor": Self.network()]
    for config in [fields, pair] {
      let error = try #require(throws: JSONError.self) {
        try ReferenceConfig.modelFields(config, tensorNames: [])
      }
      #expect(error.key == (config == pair ? "decoder." : "") + key, "\(error)")
    }
  }

  @Test func `a compressor of another vocabulary is refused`() throws {
    let pair: JSONValue = [
      "decoder": Self.network([("chunk_size", 8)]),
      "compressor": Self.network([("chunk_size", 8), ("padded_vocab_size", 512)]),
    ]
    let error = try #require(throws: JSONError.self) {
      try ReferenceConfig.modelFields(pair, tensorNames: [])
    }
    #expect(error.key == "compressor.padded_vocab_size" && error.description.contains("512"), "\(error)")
  }
}
