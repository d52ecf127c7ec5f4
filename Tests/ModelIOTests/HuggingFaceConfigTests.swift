import JSON
import ModelIO
import Models
import Testing

struct HuggingFaceConfigTests {
  private static let llama: JSONValue = [
    "architectures": ["LlamaForCausalLM"], "attention_bias": false, "attention_dropout": 0.0, "bos_token_id": 1,
    "dtype": "float32", "eos_token_id": [2, 3], "head_dim": 12, "hidden_act": "silu", "hidden_size": 48,
    "initializer_range": 0.02, "intermediate_size": 80, "max_position_embeddings": 64, "mlp_bias": false,
    "model_type": "llama", "num_attention_heads": 4, "num_hidden_layers": 3, "num_key_value_heads": 2,
    "pretraining_tp": 1, "rms_norm_eps": 1e-5, "rope_parameters": ["rope_theta": 5000.0, "rope_type": "default"],
    "tie_word_embeddings": false, "transformers_version": "5.23.0", "use_cache": true, "vocab_size": 256,
  ]

  private func read(_ changes: JSONValue) throws -> DenseConfig {
    var entries = Self.llama.entries ?? []
    for change in changes.entries ?? [] {
      entries.removeAll { $0.key == change.key }
      entries.append(change)
    }
    let fields = try HuggingFaceConfig.modelFields(.mapping(entries), source: "config.json")
    let reader = JSONReader(fields, path: "")
    let config = try ModelConfig(reader)
    try reader.finish()
    return try #require(config.definition as? DenseConfig)
  }

  @Test func `a Llama is read as transformers writes it`() throws {
    let config = try read([:])
    #expect(config.rotaryBase == 5000 && config.endID == 2 && config.keyValueHeadCount == 2)
    #expect(!config.hasHeadNorm && !config.hasProjectionBias)
  }

  @Test func `the rotary base is found where each version puts it`() throws {
    #expect(try read(["rope_parameters": .null, "rope_theta": 700.0]).rotaryBase == 700)
    #expect(try read(["rope_parameters": .null, "rope_scaling": .null]).rotaryBase == 10000)
    #expect(
      try read(["rope_parameters": .null, "rope_scaling": ["type": "default"], "rope_theta": 9.0]).rotaryBase == 9)
  }

  @Test func `other dense types are a Llama with what they add`() throws {
    let window: JSONValue = ["use_sliding_window": false, "sliding_window": 4096, "max_window_layers": 28]
    func with(_ more: JSONValue) -> JSONValue { .mapping((window.entries ?? []) + (more.entries ?? [])) }
    let qwen2 = try read(with(["model_type": "qwen2", "layer_types": ["full_attention", "full_attention"]]))
    #expect(qwen2.hasProjectionBias && !qwen2.hasHeadNorm)
    let qwen3 = try read(with(["model_type": "qwen3"]))
    #expect(!qwen3.hasProjectionBias && qwen3.hasHeadNorm)
    #expect(try read(["model_type": "mistral", "sliding_window": .null]) == read([:]))
  }

  @Test(
    arguments: [
      (["head_dim": 16], "head_dim"), (["mlp_bias": true], "mlp_bias"), (["sliding_window": 512], "sliding_window"),
      (["layer_types": ["full_attention", "sliding_attention"]], "layer_types"),
      (["rope_scaling": ["rope_type": "llama3", "factor": 8.0]], "rope_scaling"),
      (["rope_parameters": ["rope_type": "yarn", "rope_theta": 5000.0]], "rope_parameters"),
      (["model_type": "qwen3", "rms_norm_eps": 1e-6], "rms_norm_eps"),
      (["intermediate_size": .null], "intermediate_size"),
      (["hidden_act": "gelu"], "hidden_act"), (["logit_scale": 2.0], "logit_scale"),
      (["model_type": "gpt2"], "model_type"),
    ] as [(JSONValue, String)])
  func `what the model here cannot do is refused by its key`(changes: JSONValue, key: String) throws {
    let error = try #require(throws: JSONError.self) { try read(changes) }
    #expect(error.description.contains(key), "\(error)")
  }

  @Test func `fields of ours stay as they are`() throws {
    let config = try ModelConfig(JSONReader(["model_type": "cat"], path: "model"))
    #expect(try HuggingFaceConfig.modelFields(config.huggingFace, source: "") == config.huggingFace)
  }
}
