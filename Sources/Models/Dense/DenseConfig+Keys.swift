package import Settings

extension DenseConfig {
  private static let sizes = 1...(1 << 24)

  static let keys: [Key<Self>] = [
    .integer("vocab_size", \.vocabularySize, in: sizes, "Ids of the vocabulary; at least the data's."),
    .integer("hidden_size", \.hiddenSize, in: sizes, "Width of the stream: D."),
    .integer("num_hidden_layers", \.layerCount, in: 1...4096, "Layers."),
    .integer(
      "num_attention_heads", \.headCount, in: sizes,
      "Attention heads; must divide hidden_size and leave an even head width."),
    .optionalInteger(
      "num_key_value_heads", \.keyValueHeadCount, none: "num_attention_heads", { $0.headCount }, in: sizes,
      "Heads of keys and values, each shared by several of num_attention_heads, which it must divide."),
    .optionalInteger(
      "intermediate_size", \.intermediateSize, none: "256·⌈⌊8·hidden_size/3⌋/256⌉",
      { standardMLPWidth($0.hiddenSize) }, in: sizes, "Width of the MLPs."),
    .integer(
      "max_position_embeddings", \.maximumLength, in: sizes,
      "The most tokens of a sequence; at least data.context."),
    .number("rope_theta", \.rotaryBase, in: 1...1e12, "Base of the rotary embedding."),
    .number("rms_norm_eps", \.normEpsilon, in: 0...1, "Epsilon of the norms of the stream."),
    .number(
      "initializer_range", \.initializerRange, in: 0...10,
      "Standard deviation of first weights under train.initialization fla."),
    .flag("attention_bias", \.hasProjectionBias, "Biases of queries, keys and values."),
    .flag("qk_norm", \.hasHeadNorm, "Norms of queries and keys, head by head."),
    .flag("tie_word_embeddings", \.tiesEmbeddings, "The output projection has the weights of the embeddings."),
    .optionalInteger(
      "pad_token_id", \.paddingID,
      "Written into checkpoints for whoever reads them: the id that pads; below vocab_size."),
    .optionalInteger("bos_token_id", \.beginID, "Written into checkpoints likewise: the id that begins a text."),
    .optionalInteger("eos_token_id", \.endID, "Written into checkpoints likewise: the id that ends a text."),
    .constant("hidden_act", ["silu"], "Activation of the MLPs' gate."),
  ]

  /// Fields of a `config.json` that change nothing here.
  static let ignoredFields = ["architectures", "dtype", "torch_dtype", "transformers_version", "use_cache"]

  package static let declaration = SectionDeclaration.Kind(
    name: modelType, sentence: "A dense transformer, as Llama is.", keys: keys.declarations(Self()),
    ignored: ignoredFields)
}
