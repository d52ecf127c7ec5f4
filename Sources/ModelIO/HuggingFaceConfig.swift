package import JSON
internal import Models

/// A `config.json` as `transformers` writes it, in the terms of ours.
///
/// Several of its types are one dense model here, and it has fields for what this program does not do: these must
/// hold the value that leaves the model as it is. What already is in our terms stays so.
package enum HuggingFaceConfig {
  /// Types that differ from `llama` in what they add to its attention.
  private static let denseTypes = ["llama", "mistral", "qwen2", "qwen3"]

  /// The fields of a `model` section that gives the same model.
  package static func modelFields(_ config: JSONValue, source: String) throws(JSONError) -> JSONValue {
    guard let type = config["model_type"]?.textValue, !ModelConfig.modelTypes.contains(type) || type == "llama" else {
      return config
    }
    guard denseTypes.contains(type) else {
      throw .invalid(
        key: "\(source): model_type", found: JSONValue.text(type).json(),
        allowed: (ModelConfig.modelTypes + denseTypes.filter { $0 != "llama" }).joined(separator: ", ")
          + ", or a configuration of the authors' reference code, which has none")
    }
    var fields = HuggingFaceFields(config, source: source)
    // Their defaults differ from type to type.
    for key in ["hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size", "vocab_size"] {
      try fields.require(key)
    }
    fields.set("model_type", .text("llama"))
    if type == "qwen2" { fields.set("attention_bias", .flag(true)) }
    if type == "qwen3" {
      fields.set("qk_norm", .flag(true))
      try fields.require("rms_norm_eps")
      try fields.allow("rms_norm_eps", "1e-05, the epsilon of query and key norms here") { $0.numberValue == 1e-5 }
    }
    try takeRotaryBase(&fields)
    try checkAttention(&fields)
    for key in ["attention_dropout", "pretraining_tp", "initializer_cutoff_factor", "name_or_path", "_name_or_path"] {
      fields.remove(key)
    }
    if case .list(let ids)? = fields["eos_token_id"] { fields.set("eos_token_id", ids.first ?? .null) }
    return fields.setting
  }

  /// `rope_theta`, from wherever the version of `transformers` put it.
  private static func takeRotaryBase(_ fields: inout HuggingFaceFields) throws(JSONError) {
    let isPlain = "null, or rope_type default"
    for key in ["rope_scaling", "rope_parameters"] {
      guard let value = fields[key], value != .null else {
        fields.remove(key)
        continue
      }
      let kind = value["rope_type"] ?? value["type"] ?? .text("default")
      try fields.allow(key, isPlain) { $0.entries != nil && kind == .text("default") }
      try fields.allow(key, "the whole head rotated") { ($0["partial_rotary_factor"]?.numberValue ?? 1) == 1 }
      if let base = value["rope_theta"] { fields.set("rope_theta", base) }
      fields.remove(key)
    }
  }

  /// Refuses attention and MLP that this program does not have.
  private static func checkAttention(_ fields: inout HuggingFaceFields) throws(JSONError) {
    if let width = fields["hidden_size"]?.integerValue, let heads = fields["num_attention_heads"]?.integerValue,
      heads > 0
    {
      try fields.allow("head_dim", "hidden_size / num_attention_heads = \(width / heads)") {
        $0.integerValue.map { $0 * heads == width } ?? false
      }
    }
    try fields.allow("mlp_bias", "false") { $0 == .flag(false) }
    if fields["use_sliding_window"] != .flag(false) {
      try fields.allow("sliding_window", "null") { _ in false }
    }
    try fields.allow("layer_types", "full_attention alone") {
      ($0.listValue ?? []).allSatisfy { $0 == .text("full_attention") }
    }
    for key in ["head_dim", "mlp_bias", "use_sliding_window", "sliding_window", "layer_types", "max_window_layers"] {
      fields.remove(key)
    }
  }
}

/// The fields of a `config.json` while they are turned into ours.
private struct HuggingFaceFields {
  private var entries: [JSONValue.Entry]
  private let source: String

  init(_ config: JSONValue, source: String) {
    entries = config.entries ?? []
    self.source = source
  }

  var setting: JSONValue { .mapping(entries) }

  subscript(key: String) -> JSONValue? {
    entries.first { $0.key == key }?.value
  }

  mutating func set(_ key: String, _ value: JSONValue) {
    if let index = entries.firstIndex(where: { $0.key == key }) {
      entries[index].value = value
    } else {
      entries.append(JSONValue.Entry(key: key, value: value))
    }
  }

  mutating func remove(_ key: String) {
    entries.removeAll { $0.key == key }
  }

  func require(_ key: String) throws(JSONError) {
    guard self[key] ?? .null != .null else { throw error(key, .null, allowed: "a number") }
  }

  /// Refuses a value that is there, not null, and not allowed.
  func allow(_ key: String, _ allowed: String, _ isAllowed: (JSONValue) -> Bool) throws(JSONError) {
    guard let value = self[key], value != .null, !isAllowed(value) else { return }
    throw error(key, value, allowed: allowed)
  }

  private func error(_ key: String, _ value: JSONValue, allowed: String) -> JSONError {
    .invalid(key: "\(source): \(key)", found: value.json(pretty: false), allowed: allowed)
  }
}
