package import Layers
package import Settings

/// The fields of a dense transformer's `config.json`, resolved.
///
/// - Source: `LlamaConfig` of transformers: names and defaults; `qk_norm` is an addition of this program.
package struct DenseConfig: Hashable, Sendable {
  package var vocabularySize: Int
  package var hiddenSize: Int
  package var layerCount: Int
  package var headCount: Int
  package var keyValueHeadCount: Int
  package var intermediateSize: Int
  package var maximumLength: Int
  package var rotaryBase: Double
  package var normEpsilon: Double
  package var initializerRange: Double
  package var hasProjectionBias: Bool
  package var hasHeadNorm: Bool
  package var tiesEmbeddings: Bool
  package var paddingID: Int?
  package var beginID: Int?
  package var endID: Int?

  /// Reads the fields of a `model` section or of a `config.json`.
  package init(_ reader: SettingsReader) throws(SettingsError) {
    try self.init(reader, defaultLayerCount: 32)
  }

  init(_ reader: SettingsReader, defaultLayerCount: Int) throws(SettingsError) {
    let sizes = 1...(1 << 24)
    vocabularySize = try reader.integer("vocab_size", default: 32000, in: sizes)
    hiddenSize = try reader.integer("hidden_size", default: 4096, in: sizes)
    layerCount = try reader.integer("num_hidden_layers", default: defaultLayerCount, in: 1...4096)
    headCount = try reader.integer("num_attention_heads", default: 32, in: sizes)
    keyValueHeadCount = try reader.optionalInteger("num_key_value_heads", in: sizes) ?? headCount
    intermediateSize =
      try reader.optionalInteger("intermediate_size", in: sizes) ?? 256 * ((hiddenSize * 8 / 3 + 255) / 256)
    maximumLength = try reader.integer("max_position_embeddings", default: 2048, in: sizes)
    rotaryBase = try reader.number("rope_theta", default: 10000, in: 1...1e12)
    normEpsilon = try reader.number("rms_norm_eps", default: 1e-6, in: 0...1)
    initializerRange = try reader.number("initializer_range", default: 0.02, in: 0...10)
    hasProjectionBias = try reader.flag("attention_bias", default: false)
    hasHeadNorm = try reader.flag("qk_norm", default: false)
    tiesEmbeddings = try reader.flag("tie_word_embeddings", default: false)
    paddingID = try reader.optionalInteger("pad_token_id", in: 0...(vocabularySize - 1))
    beginID = try reader.optionalInteger("bos_token_id")
    endID = try reader.optionalInteger("eos_token_id")
    let activation = try reader.text("hidden_act", default: "silu")
    guard activation == "silu" else {
      throw .invalid(key: reader.path + ".hidden_act", found: activation, allowed: "silu")
    }
    reader.ignore(["architectures", "dtype", "torch_dtype", "transformers_version", "use_cache"])
    try checkWidths(reader.path)
  }

  private func checkWidths(_ path: String) throws(SettingsError) {
    guard hiddenSize % (2 * headCount) == 0 else {
      throw .invalid(
        key: path + ".num_attention_heads", found: "\(headCount)",
        allowed: "a divisor of hidden_size \(hiddenSize) that leaves an even head width")
    }
    guard headCount % keyValueHeadCount == 0 else {
      throw .invalid(
        key: path + ".num_key_value_heads", found: "\(keyValueHeadCount)",
        allowed: "a divisor of num_attention_heads \(headCount)")
    }
  }

  package var blockShape: BlockShape {
    BlockShape(
      width: hiddenSize, headCount: headCount, keyValueHeadCount: keyValueHeadCount, mlpWidth: intermediateSize,
      hasProjectionBias: hasProjectionBias, hasHeadNorm: hasHeadNorm, normEpsilon: Float(normEpsilon))
  }

  /// The `config.json` that `transformers` reads as a Llama.
  package var huggingFace: Setting {
    func optional(_ value: Int?) -> Setting { value.map(Setting.integer) ?? .null }
    let fields: [(String, Setting)] = [
      ("architectures", .list([.text("LlamaForCausalLM")])),
      ("attention_bias", .flag(hasProjectionBias)),
      ("bos_token_id", optional(beginID)),
      ("dtype", .text("float32")),
      ("eos_token_id", optional(endID)),
      ("hidden_act", .text("silu")),
      ("hidden_size", .integer(hiddenSize)),
      ("initializer_range", .number(initializerRange)),
      ("intermediate_size", .integer(intermediateSize)),
      ("max_position_embeddings", .integer(maximumLength)),
      ("model_type", .text("llama")),
      ("num_attention_heads", .integer(headCount)),
      ("num_hidden_layers", .integer(layerCount)),
      ("num_key_value_heads", .integer(keyValueHeadCount)),
      ("pad_token_id", optional(paddingID)),
      ("qk_norm", .flag(hasHeadNorm)),
      ("rms_norm_eps", .number(normEpsilon)),
      ("rope_theta", .number(rotaryBase)),
      ("tie_word_embeddings", .flag(tiesEmbeddings)),
      ("vocab_size", .integer(vocabularySize)),
    ]
    return .mapping(fields.map { Setting.Entry(key: $0, value: $1) })
  }
}
