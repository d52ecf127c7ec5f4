package import JSON

extension CATConfig {
  /// The `config.json` that flash-linear-attention reads.
  package var huggingFace: JSONValue {
    func optional(_ value: Int?) -> JSONValue { value.map(JSONValue.integer) ?? .null }
    let additions: [(String, JSONValue)] = [
      ("compressor_intermediate_size", optional(compressorIntermediateSize)),
      ("compressor_num_kv_heads", .integer(compressorKeyValueHeadCount)),
      ("compressor_qk_norm", .flag(compressorHasHeadNorm)),
    ]
    let fields: [(String, JSONValue)] = [
      ("architectures", .list([.text("CATForCausalLM")])),
      ("bos_token_id", optional(beginID)),
      ("compressor_hidden_size", .integer(compressorHiddenSize)),
      ("compressor_num_heads", .integer(compressorHeadCount)),
      ("compressor_num_layers", .integer(compressorLayerCount)),
      ("dim_fx", .integer(hiddenSize)),
      ("dtype", .text("float32")),
      ("eos_token_id", optional(endID)),
      ("hidden_act", .text("swish")),
      ("hidden_ratio", optional(hiddenRatio)),
      ("hidden_size", .integer(hiddenSize)),
      ("initializer_range", .number(initializerRange)),
      ("intermediate_size", optional(intermediateSize)),
      ("max_chunk_size", .integer(maximumChunkSize)),
      ("max_position_embeddings", .integer(maximumLength)),
      ("min_train_chunk_size", .integer(minimumTrainChunkSize)),
      ("model_type", .text("cat")),
      ("norm_eps", .number(normEpsilon)),
      ("num_heads", .integer(headCount)),
      ("num_hidden_layers", .integer(layerCount)),
      ("num_kv_heads", .integer(keyValueHeadCount)),
      ("pad_to_multiple_of", .integer(padsToMultipleOf)),
      ("pad_token_id", optional(paddingID)),
      ("qk_norm", .flag(hasHeadNorm)),
      ("qkv_bias", .flag(hasProjectionBias)),
      ("rope_theta", .number(rotaryBase)),
      ("tie_word_embeddings", .flag(tiesEmbeddings)),
      ("train_chunk_size_schedule", trainChunkSizeSchedule.map { .text($0.rawValue) } ?? .null),
      ("use_cache", .flag(false)),
      ("vocab_size", .integer(vocabularySize)),
    ]
    return .mapping((fields + (unpublishedField == nil ? [] : additions)).map { JSONValue.Entry(key: $0, value: $1) })
  }
}
