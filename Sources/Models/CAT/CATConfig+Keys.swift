package import Settings

extension CATConfig {
  private static let sizes = 1...(1 << 24)

  /// What an adaptive CAT has.
  package static let keys: [Key<Self>] =
    widths + [
      .integer(
        "max_chunk_size", \.maximumChunkSize, in: 1...65536,
        "The largest chunk size that a call may have; weights of the chunks' vectors grow with it.")
    ] + others + [
      .integer(
        "pad_to_multiple_of", \.padsToMultipleOf, in: sizes,
        "For flash-linear-attention alone, which pads sequences; nothing is padded here."),
      .integer(
        "min_train_chunk_size", \.minimumTrainChunkSize,
        default: .derived("2, or max_chunk_size if that is 1") { min(2, $0.maximumChunkSize) }, in: 1...65536,
        "The smallest of the chunk sizes that training takes where train.chunk_sizes is silent."),
      .optionalChoice(
        "train_chunk_size_schedule", \.trainChunkSizeSchedule,
        "For flash-linear-attention alone: the chunk sizes that its training takes. Here train.chunk_sizes and "
          + "train.chunk_schedule say it."),
    ]

  /// What a CAT of one chunk size has.
  static let fixedKeys: [Key<Self>] =
    [.integer("chunk_size", \.maximumChunkSize, in: 1...65536, "The chunk size.")] + widths + others

  private static let widths: [Key<Self>] = [
    .integer("vocab_size", \.vocabularySize, in: sizes, "Ids of the vocabulary; at least the data's."),
    .integer("hidden_size", \.hiddenSize, in: sizes, "Width of the decoder: D."),
    .integer("num_hidden_layers", \.layerCount, in: 1...4096, "Layers of the decoder."),
    .integer(
      "num_heads", \.headCount, in: sizes,
      "Attention heads of the decoder; must divide hidden_size and leave an even head width."),
    .optionalInteger(
      "num_kv_heads", \.keyValueHeadCount, none: "num_heads", { $0.headCount }, in: sizes,
      "Heads of keys and values, each shared by several of num_heads, which it must divide."),
  ]

  private static let others: [Key<Self>] = [
    .repeated(
      "dim_fx", of: "hidden_size", { $0.hiddenSize }, "Width of a chunk's vector, which is the decoder's."),
    .optionalInteger(
      "compressor_hidden_size", \.compressorHiddenSize, none: "half of hidden_size", { max(1, $0.hiddenSize / 2) },
      in: sizes, "Width of the compressor: d."),
    .optionalInteger(
      "compressor_num_layers", \.compressorLayerCount, none: "a quarter of num_hidden_layers",
      { max(1, $0.layerCount / 4) }, in: 1...4096, "Layers of the compressor."),
    .optionalInteger(
      "compressor_num_heads", \.compressorHeadCount, none: "half of num_heads", { max(1, $0.headCount / 2) },
      in: sizes,
      "Attention heads of the compressor; must divide compressor_hidden_size and leave an even head width."),
    .optionalInteger(
      "compressor_num_kv_heads", \.compressorKeyValueHeadCount, none: "compressor_num_heads",
      { $0.compressorHeadCount }, in: sizes, "Heads of keys and values of the compressor."),
    .flag("compressor_qk_norm", \.compressorHasHeadNorm, "Norms of queries and keys in the compressor."),
    .optionalInteger(
      "compressor_intermediate_size", \.compressorIntermediateSize,
      none: "intermediate_size, or what follows from hidden_ratio", in: sizes, "Width of the compressor's MLPs."),
    .flag("qkv_bias", \.hasProjectionBias, "Biases of queries, keys and values."),
    .flag("qk_norm", \.hasHeadNorm, "Norms of queries and keys in the decoder, head by head."),
    .number("rope_theta", \.rotaryBase, in: 1...1e12, "Base of the rotary embedding."),
    .integer(
      "max_position_embeddings", \.maximumLength, in: sizes,
      "The most tokens of a sequence; at least data.context and the largest chunk size."),
    .optionalInteger(
      "hidden_ratio", \.hiddenRatio, none: "4", in: 1...64,
      "MLPs are 256·⌈⌊width·hidden_ratio·2/3⌋/256⌉ wide where intermediate_size is silent."),
    .optionalInteger(
      "intermediate_size", \.intermediateSize, none: "what follows from hidden_ratio", in: sizes,
      "Width of the MLPs, of the compressor's too unless that has its own."),
    .number(
      "initializer_range", \.initializerRange, in: 0...10,
      "Standard deviation of first weights under train.initialization fla."),
    .number("norm_eps", \.normEpsilon, in: 0...1, "Epsilon of the norms of the stream."),
    .optionalInteger(
      "pad_token_id", \.paddingID,
      "Written into checkpoints for whoever reads them: the id that pads; below vocab_size."),
    .optionalInteger("bos_token_id", \.beginID, "Written into checkpoints likewise: the id that begins a text."),
    .optionalInteger("eos_token_id", \.endID, "Written into checkpoints likewise: the id that ends a text."),
    .flag("tie_word_embeddings", \.tiesEmbeddings, "The output projection has the weights of the embeddings."),
    .constant("hidden_act", ["swish", "silu"], "Activation of the MLPs' gate; both names mean the same."),
  ]

  /// Fields of a `config.json` that change nothing here: speed switches and book-keeping.
  static let ignoredFields = [
    "architectures", "dtype", "torch_dtype", "transformers_version", "elementwise_affine", "use_cache", "fuse_norm",
    "fuse_swiglu", "fuse_cross_entropy", "fuse_linear_cross_entropy",
  ]

  package static let declaration = SectionDeclaration.Kind(
    name: modelType, sentence: "An adaptive CAT: the chunk size is the call's choice.", keys: keys.declarations(Self()),
    ignored: ignoredFields)
}
