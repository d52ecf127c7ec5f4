import Foundation
import JSON
import Models
import Settings
import TensorCore
import Testing

struct ConfigTests {
  private static let fields: [String: JSONValue] = [
    "model_type": "cat", "vocab_size": 20, "hidden_size": 24, "num_hidden_layers": 2, "num_heads": 3,
    "compressor_hidden_size": 12, "compressor_num_layers": 1, "compressor_num_heads": 2, "max_chunk_size": 8,
    "max_position_embeddings": 32,
  ]

  private static func read(_ changes: [String: JSONValue]) throws(JSONError) -> ModelConfig {
    let fields = fields.merging(changes) { $1 }.sorted { $0.key < $1.key }
    let reader = JSONReader(.mapping(fields.map { .init(key: $0, value: $1) }), path: "model")
    let config = try ModelConfig(reader)
    try reader.finish()
    return config
  }

  @Test(
    arguments: [
      ("num_heads", 5), ("num_heads", 24), ("num_kv_heads", 2), ("compressor_num_heads", 5),
      ("compressor_num_heads", 12), ("dim_fx", 12), ("max_position_embeddings", 7), ("min_train_chunk_size", 16),
      ("min_train_chunk_size", 3), ("hidden_act", "gelu"), ("max_chunk_size", 0), ("pad_token_id", 20),
      ("hidden_sizes", 8), ("vocab_size", "many"), ("model_type", "mamba"),
    ] as [(String, JSONValue)])
  func `a field that breaks a rule is refused in one line that names it`(key: String, value: JSONValue) throws {
    let error = try #require(throws: JSONError.self) { try Self.read([key: value]) }
    #expect(error.key == "model.\(key)")
    #expect(error.description.contains("model.\(key)") && !error.description.contains("\n"), "\(error)")
  }

  @Test(
    arguments: [
      ("num_attention_heads", 5), ("num_key_value_heads", 2), ("hidden_act", "gelu"), ("num_heads", 3),
    ] as [(String, JSONValue)])
  func `a dense field that breaks a rule is refused by name`(key: String, value: JSONValue) throws {
    let fields: [String: JSONValue] = ["model_type": "llama", "hidden_size": 24, "num_attention_heads": 3]
    let changed = fields.merging([key: value]) { $1 }.sorted { $0.key < $1.key }
    let reader = JSONReader(.mapping(changed.map { .init(key: $0, value: $1) }), path: "model")
    let error = try #require(throws: JSONError.self) {
      _ = try ModelConfig(reader)
      try reader.finish()
    }
    #expect(error.key == "model.\(key)")
  }

  @Test(
    arguments: [
      (["model_type": "cat_fixed"], "max_chunk_size"), (["model_type": "cat_fixed", "chunk_size": 0], "chunk_size"),
      (["model_type": "cat_fixed", "chunk_size": 40], "max_position_embeddings"),
      (["model_type": "hybrid"], "layers"), (["model_type": "hybrid", "layers": []], "layers"),
      (["model_type": "hybrid", "layers": ["dense", "mamba"]], "layers[1].type"),
      (["model_type": "hybrid", "layers": [3]], "layers[0]"),
      (["model_type": "hybrid", "layers": "dense"], "layers"),
      (["model_type": "hybrid", "layers": ["dense"], "sliding_window": 4], "sliding_window"),
      (["model_type": "hybrid", "layers": ["window", ["type": "window", "chunk_size": 4]]], "layers[1].chunk_size"),
      (["model_type": "hybrid", "layers": [["type": "window", "window": 0]]], "layers[0].window"),
      (["model_type": "hybrid", "layers": ["cat", ["type": "cat", "dim_fx": 72]]], "layers[1].dim_fx"),
      (["model_type": "hybrid", "layers": [["type": "cat", "head_dim": 4, "dim_fx": 8]]], "layers[0].head_dim"),
      (["model_type": "hybrid", "layers": ["cat"], "chunk_size": 40], "layers[0].chunk_size"),
      (["model_type": "hybrid", "layers": ["adaptive_cat"], "max_chunk_size": 40], "max_chunk_size"),
      (["model_type": "hybrid", "layers": ["dense", "cat"], "num_hidden_layers": 3], "num_hidden_layers"),
    ] as [([String: JSONValue], String)])
  func `a field of another kind that breaks a rule is refused by its path`(
    fields: [String: JSONValue], key: String
  ) throws {
    let isHybrid = fields["model_type"] == "hybrid"
    let base: [String: JSONValue] =
      isHybrid
      ? ["hidden_size": 24, "num_attention_heads": 2, "max_position_embeddings": 32]
      : Self.fields
    let changed = base.merging(fields) { $1 }.sorted { $0.key < $1.key }
    let reader = JSONReader(.mapping(changed.map { .init(key: $0, value: $1) }), path: "model")
    let error = try #require(throws: JSONError.self) {
      _ = try ModelConfig(reader)
      try reader.finish()
    }
    #expect(error.key == "model.\(key)", "\(error)")
    #expect(!error.description.contains("\n"))
  }

  @Test(arguments: VariantCase.drawn + [VariantCase.fixed(chunkSize: 3, length: 1, isFull: true)])
  func `a configuration of another kind, written and read again, is the same`(of testCase: VariantCase) throws {
    let config = try testCase.config()
    let reader = JSONReader(
      try JSONValue(json: config.huggingFace.json(pretty: true), source: "config.json"), path: "")
    #expect(try ModelConfig(reader) == config)
    try reader.finish()
  }

  @Test func `layers shorter than the model are repeated, and take what stands beside them`() throws {
    let fields: JSONValue = [
      "model_type": "hybrid", "layers": ["window", "cat", ["type": "cat", "chunk_size": 2]], "num_hidden_layers": 6,
      "hidden_size": 24, "num_attention_heads": 2, "sliding_window": 7, "chunk_size": 5,
    ]
    let config = try ModelConfig(JSONReader(fields, path: "model"))
    let window: JSONValue = ["type": "window", "window": 7]
    func cat(_ size: Int) -> JSONValue {
      ["type": "cat", "chunk_size": .integer(size), "dim_fx": 64, "head_dim": 64]
    }
    #expect(config.huggingFace["layers"] == .list([window, cat(5), cat(2), window, cat(5), cat(2)]))
  }

  @Test(
    arguments: [
      [:], ["num_kv_heads": 1, "qkv_bias": true, "qk_norm": true, "tie_word_embeddings": true, "pad_token_id": 0],
      ["intermediate_size": 40, "train_chunk_size_schedule": .null, "min_train_chunk_size": 3, "bos_token_id": 1],
      ["hidden_ratio": .null, "rope_theta": 5e5, "norm_eps": 1e-5, "initializer_range": 0.01, "eos_token_id": 2],
      ["compressor_num_kv_heads": 1, "compressor_qk_norm": true, "compressor_intermediate_size": 9],
      ["hidden_ratio": 2, "pad_to_multiple_of": 64, "compressor_hidden_size": .null, "compressor_num_heads": 1],
      [
        "model_type": "llama", "num_heads": .null, "num_hidden_layers": 2, "num_attention_heads": 4,
        "num_key_value_heads": 2, "qk_norm": true,
      ],
    ] as [[String: JSONValue]])
  func `a configuration written and read again is the same`(changes: [String: JSONValue]) throws {
    let isDense = changes["model_type"] == "llama"
    let base = isDense ? ["hidden_size": 24, "vocab_size": 20] : Self.fields
    let fields = base.merging(changes) { $1 }.filter { $0.value != .null || !isDense }.sorted { $0.key < $1.key }
    let config = try ModelConfig(JSONReader(.mapping(fields.map { .init(key: $0, value: $1) }), path: "model"))
    let text = config.huggingFace.json(pretty: true)
    let reader = JSONReader(try JSONValue(json: text, source: "config.json"), path: "")
    #expect(try ModelConfig(reader) == config)
    try reader.finish()
  }

  @Test func `parameters have the names and shapes of the published state dict`() throws {
    let config = try Self.read(["qkv_bias": true, "qk_norm": true, "num_kv_heads": 1, "intermediate_size": 40])
    let (D, d, V, L, M, I) = (24, 12, 20, 32, 8, 40)
    var expected: [String: [Int]] = [
      "model.compressor.wte.weight": [V, d], "model.compressor.pos_tokens.weight": [L, d],
      "model.compressor.adaptive_tokens.weight": [M + 1, d], "model.compressor.norm.weight": [d],
      "model.compressor.proj_fx.weight": [D, M * d], "model.embeddings.weight": [V, D],
      "model.separator.weight": [1, D], "model.adaptive_token.weight": [M + 1, D], "model.norm.weight": [D],
      "lm_head.weight": [V, D],
    ]
    func addLayer(_ prefix: String, _ attention: String, width: Int, keyValueWidth: Int) {
      expected["\(prefix).attn_norm.weight"] = [width]
      expected["\(prefix).mlp_norm.weight"] = [width]
      for (name, rows) in [("q", width), ("k", keyValueWidth), ("v", keyValueWidth)] {
        expected["\(prefix)\(attention).\(name)_proj.weight"] = [rows, width]
        expected["\(prefix)\(attention).\(name)_proj.bias"] = [rows]
      }
      expected["\(prefix)\(attention).o_proj.weight"] = [width, width]
      expected["\(prefix).mlp.gate_proj.weight"] = [I, width]
      expected["\(prefix).mlp.up_proj.weight"] = [I, width]
      expected["\(prefix).mlp.down_proj.weight"] = [width, I]
    }
    addLayer("model.compressor.layers.0", "", width: d, keyValueWidth: d)
    for layer in 0..<2 {
      addLayer("model.layers.\(layer)", ".attn", width: D, keyValueWidth: D / 3)
      expected["model.layers.\(layer).attn.q_norm.weight"] = [D / 3]
      expected["model.layers.\(layer).attn.k_norm.weight"] = [D / 3]
    }
    let found = Dictionary(uniqueKeysWithValues: config.specs(scheme: .fla).map { ($0.name, $0.shape) })
    for name in Set(found.keys).union(expected.keys).sorted() {
      #expect(found[name] == expected[name], "\(name)")
    }
    let tied = try Self.read(["tie_word_embeddings": true]).specs(scheme: .fla)
    #expect(!tied.contains { $0.name == "lm_head.weight" })
  }

  @Test func `the smallest CAT of the paper has about 92 million parameters`() throws {
    let count = try ShippedConfig.model("cat-small").specs(scheme: .reference).reduce(0) { $0 + $1.count }
    #expect((91_000_000...93_000_000).contains(count), "\(count)")
  }
}

/// The `model` sections of the run files that come with the program.
enum ShippedConfig {
  static func model(_ name: String) throws -> ModelConfig {
    let package = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    let file = try RunFile(path: package.appending(path: "configs/\(name).yaml").path, overrides: [])
    return try ModelConfig(file.reader().section("model"))
  }
}
