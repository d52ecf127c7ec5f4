package import Layers
package import Settings

/// The fields of an adaptive CAT's `config.json`, resolved; also those that a CAT of one chunk size shares with it.
///
/// - Source: `CATConfig` of flash-linear-attention 0.6.0: names, defaults, validity rules. `compressor_num_kv_heads`,
///   `compressor_qk_norm` and `compressor_intermediate_size` are additions, for the authors' reference code has them.
package struct CATConfig: Hashable, Sendable {
  package var vocabularySize: Int
  package var hiddenSize: Int
  package var layerCount: Int
  package var headCount: Int
  package var keyValueHeadCount: Int
  package var maximumChunkSize: Int
  package var compressorHiddenSize: Int
  package var compressorLayerCount: Int
  package var compressorHeadCount: Int
  package var hasProjectionBias: Bool
  package var hasHeadNorm: Bool
  package var rotaryBase: Double
  package var maximumLength: Int
  package var hiddenRatio: Int?
  package var intermediateSize: Int?
  package var initializerRange: Double
  package var normEpsilon: Double
  package var paddingID: Int?
  package var beginID: Int?
  package var endID: Int?
  package var tiesEmbeddings: Bool
  package var minimumTrainChunkSize: Int
  package var trainChunkSizeSchedule: String?
  package var padsToMultipleOf: Int
  package var compressorKeyValueHeadCount: Int
  package var compressorHasHeadNorm: Bool
  package var compressorIntermediateSize: Int?
  /// Whether the chunk size is the call's choice, which an adaptive vector tells the networks.
  package let isAdaptive: Bool

  /// Reads the fields of a `model` section or of a `config.json`.
  package init(_ reader: SettingsReader) throws(SettingsError) {
    try self.init(reader, fixedChunkSize: nil)
  }

  /// - Parameter fixedChunkSize: the only chunk size of a model that is not adaptive; the fields that choose among
  ///   sizes are then unknown.
  init(_ reader: SettingsReader, fixedChunkSize: Int?) throws(SettingsError) {
    isAdaptive = fixedChunkSize == nil
    let sizes = 1...(1 << 24)
    vocabularySize = try reader.integer("vocab_size", default: 32000, in: sizes)
    hiddenSize = try reader.integer("hidden_size", default: 2048, in: sizes)
    layerCount = try reader.integer("num_hidden_layers", default: 24, in: 1...4096)
    headCount = try reader.integer("num_heads", default: 32, in: sizes)
    keyValueHeadCount = try reader.optionalInteger("num_kv_heads", in: sizes) ?? headCount
    if let fixedChunkSize {
      maximumChunkSize = fixedChunkSize
    } else {
      maximumChunkSize = try reader.integer("max_chunk_size", default: 16, in: 1...65536)
    }
    let compressedWidth = try reader.optionalInteger("dim_fx", in: sizes) ?? hiddenSize
    compressorHiddenSize = try reader.optionalInteger("compressor_hidden_size", in: sizes) ?? max(1, hiddenSize / 2)
    compressorLayerCount =
      try reader.optionalInteger("compressor_num_layers", in: 1...4096) ?? max(1, layerCount / 4)
    compressorHeadCount = try reader.optionalInteger("compressor_num_heads", in: sizes) ?? max(1, headCount / 2)
    compressorKeyValueHeadCount =
      try reader.optionalInteger("compressor_num_kv_heads", in: sizes) ?? compressorHeadCount
    compressorHasHeadNorm = try reader.flag("compressor_qk_norm", default: false)
    compressorIntermediateSize = try reader.optionalInteger("compressor_intermediate_size", in: sizes)
    hasProjectionBias = try reader.flag("qkv_bias", default: false)
    hasHeadNorm = try reader.flag("qk_norm", default: false)
    rotaryBase = try reader.number("rope_theta", default: 10000, in: 1...1e12)
    maximumLength = try reader.integer("max_position_embeddings", default: 2048, in: sizes)
    padsToMultipleOf =
      isAdaptive ? try reader.integer("pad_to_multiple_of", default: 512, in: 1...sizes.upperBound) : 1
    hiddenRatio = try reader.optionalInteger("hidden_ratio", in: 1...64)
    intermediateSize = try reader.optionalInteger("intermediate_size", in: sizes)
    initializerRange = try reader.number("initializer_range", default: 0.02, in: 0...10)
    normEpsilon = try reader.number("norm_eps", default: 1e-6, in: 0...1)
    paddingID = try reader.optionalInteger("pad_token_id", in: 0...(vocabularySize - 1))
    beginID = try reader.optionalInteger("bos_token_id")
    endID = try reader.optionalInteger("eos_token_id")
    tiesEmbeddings = try reader.flag("tie_word_embeddings", default: false)
    if isAdaptive {
      minimumTrainChunkSize = try reader.integer(
        "min_train_chunk_size", default: min(2, maximumChunkSize), in: 1...65536)
      trainChunkSizeSchedule =
        reader.names("train_chunk_size_schedule")
        ? try reader.optionalText("train_chunk_size_schedule")
        : try reader.text("train_chunk_size_schedule", default: "power_of_2")
    } else {
      minimumTrainChunkSize = maximumChunkSize
      trainChunkSizeSchedule = nil
    }
    try checkActivation(reader)
    reader.ignore(Self.fieldsWithoutEffect)
    try checkWidths(reader.path, compressedWidth: compressedWidth)
  }

  /// Fields of a `config.json` that change nothing here: speed switches and book-keeping.
  private static let fieldsWithoutEffect = [
    "architectures", "dtype", "torch_dtype", "transformers_version", "elementwise_affine", "use_cache", "fuse_norm",
    "fuse_swiglu", "fuse_cross_entropy", "fuse_linear_cross_entropy",
  ]

  private func checkActivation(_ reader: SettingsReader) throws(SettingsError) {
    let activation = try reader.text("hidden_act", default: "swish")
    guard ["swish", "silu"].contains(activation) else {
      throw .invalid(key: reader.path + ".hidden_act", found: activation, allowed: "swish or silu")
    }
  }

  private func checkWidths(_ path: String, compressedWidth: Int) throws(SettingsError) {
    func require(_ holds: Bool, _ key: String, _ found: Int, _ allowed: String) throws(SettingsError) {
      if !holds { throw .invalid(key: "\(path).\(key)", found: "\(found)", allowed: allowed) }
    }
    try require(
      hiddenSize % (2 * headCount) == 0, "num_heads", headCount,
      "a divisor of hidden_size \(hiddenSize) that leaves an even head width")
    try require(
      headCount % keyValueHeadCount == 0, "num_kv_heads", keyValueHeadCount, "a divisor of num_heads \(headCount)")
    try require(
      compressorHiddenSize % (2 * compressorHeadCount) == 0, "compressor_num_heads", compressorHeadCount,
      "a divisor of compressor_hidden_size \(compressorHiddenSize) that leaves an even head width")
    try require(
      compressorHeadCount % compressorKeyValueHeadCount == 0, "compressor_num_kv_heads", compressorKeyValueHeadCount,
      "a divisor of compressor_num_heads \(compressorHeadCount)")
    try require(compressedWidth == hiddenSize, "dim_fx", compressedWidth, "hidden_size \(hiddenSize)")
    try require(
      maximumLength >= maximumChunkSize, "max_position_embeddings", maximumLength,
      "at least \(isAdaptive ? "max_chunk_size" : "chunk_size") \(maximumChunkSize)")
    try require(
      minimumTrainChunkSize <= maximumChunkSize, "min_train_chunk_size", minimumTrainChunkSize,
      "at most max_chunk_size \(maximumChunkSize)")
    try require(
      trainChunkSizeSchedule != "power_of_2" || minimumTrainChunkSize.nonzeroBitCount == 1, "min_train_chunk_size",
      minimumTrainChunkSize, "a power of two under train_chunk_size_schedule power_of_2")
  }

  /// MLP width of a network of `width`: as given, or `256·⌈⌊width·ratio·2/3⌋/256⌉`.
  private func mlpWidth(_ width: Int, given: Int?) -> Int {
    given ?? 256 * ((width * (hiddenRatio ?? 4) * 2 / 3 + 255) / 256)
  }

  package var decoderShape: BlockShape {
    BlockShape(
      width: hiddenSize, headCount: headCount, keyValueHeadCount: keyValueHeadCount,
      mlpWidth: mlpWidth(hiddenSize, given: intermediateSize), hasProjectionBias: hasProjectionBias,
      hasHeadNorm: hasHeadNorm, normEpsilon: Float(normEpsilon))
  }

  package var compressorShape: BlockShape {
    BlockShape(
      width: compressorHiddenSize, headCount: compressorHeadCount, keyValueHeadCount: compressorKeyValueHeadCount,
      mlpWidth: mlpWidth(compressorHiddenSize, given: compressorIntermediateSize ?? intermediateSize),
      hasProjectionBias: hasProjectionBias, hasHeadNorm: compressorHasHeadNorm, normEpsilon: Float(normEpsilon))
  }

  /// Rows of the compressor's table of chunk positions.
  ///
  /// The published adaptive model has one for each token, since chunks may be single tokens.
  package var chunkPositionCount: Int { isAdaptive ? maximumLength : maximumLength / maximumChunkSize }
}
