package import JSON
package import Layers
internal import Settings

/// The fields of a dense transformer's `config.json`, resolved.
///
/// - Source: `LlamaConfig` of transformers: names and defaults; `qk_norm` is an addition of this program.
package struct DenseConfig: Hashable, Sendable {
  package var vocabularySize = 32000
  package var hiddenSize = 4096
  package var layerCount = 32
  package var headCount = 32
  package var keyValueHeadCount = 32
  package var intermediateSize = 11008
  package var maximumLength = 2048
  package var rotaryBase = 10000.0
  package var normEpsilon = 1e-6
  package var initializerRange = 0.02
  package var hasProjectionBias = false
  package var hasHeadNorm = false
  package var tiesEmbeddings = false
  package var paddingID: Int?
  package var beginID: Int?
  package var endID: Int?

  /// The published defaults.
  package init() {}

  /// A model with the published default for all else.
  package init(vocabularySize: Int, hiddenSize: Int, layerCount: Int, headCount: Int, maximumLength: Int) {
    self.vocabularySize = vocabularySize
    self.hiddenSize = hiddenSize
    self.layerCount = layerCount
    self.headCount = headCount
    self.maximumLength = maximumLength
    keyValueHeadCount = headCount
    intermediateSize = Self.standardMLPWidth(hiddenSize)
  }

  /// Reads the fields of a `model` section or of a `config.json`.
  package init(_ reader: JSONReader) throws(JSONError) {
    try self.init(reader, defaultLayerCount: 32)
  }

  init(_ reader: JSONReader, defaultLayerCount: Int) throws(JSONError) {
    layerCount = defaultLayerCount
    try reader.read(Self.keys, into: &self)
    reader.ignore(Self.ignoredFields)
    try checkWidths(reader)
  }

  private func checkWidths(_ reader: JSONReader) throws(JSONError) {
    guard hiddenSize % (2 * headCount) == 0 else {
      throw reader.invalid(
        "num_attention_heads", found: "\(headCount)",
        allowed: "a divisor of hidden_size \(hiddenSize) that leaves an even head width")
    }
    guard headCount % keyValueHeadCount == 0 else {
      throw reader.invalid(
        "num_key_value_heads", found: "\(keyValueHeadCount)",
        allowed: "a divisor of num_attention_heads \(headCount)")
    }
    guard paddingID ?? 0 < vocabularySize else {
      throw reader.invalid(
        "pad_token_id", found: "\(paddingID ?? 0)", allowed: "below vocab_size \(vocabularySize)")
    }
  }

  /// MLP width where none is given: `256·⌈⌊8·width/3⌋/256⌉`.
  package static func standardMLPWidth(_ width: Int) -> Int { 256 * ((width * 8 / 3 + 255) / 256) }

  package var blockShape: BlockShape {
    BlockShape(
      width: hiddenSize, headCount: headCount, keyValueHeadCount: keyValueHeadCount, mlpWidth: intermediateSize,
      hasProjectionBias: hasProjectionBias, hasHeadNorm: hasHeadNorm, normEpsilon: Float(normEpsilon))
  }

  /// The `config.json` that `transformers` reads as a Llama.
  package var huggingFace: JSONValue {
    func optional(_ value: Int?) -> JSONValue { value.map(JSONValue.integer) ?? .null }
    let fields: [(String, JSONValue)] = [
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
    return .mapping(fields.map { JSONValue.Entry(key: $0, value: $1) })
  }
}
