package import JSON
package import Layers
internal import Settings

/// The fields of an adaptive CAT's `config.json`, resolved; also those that a CAT of one chunk size shares with it.
///
/// - Source: `CATConfig` of flash-linear-attention 0.6.0: names, defaults, validity rules. `compressor_num_kv_heads`,
///   `compressor_qk_norm` and `compressor_intermediate_size` are additions, for the authors' reference code has them.
package struct CATConfig: Hashable, Sendable {
  /// What chunk size a published model trains at when its caller names none.
  package enum TrainChunkSizeSchedule: String, CaseIterable, Hashable, Sendable {
    case powersOfTwo = "power_of_2"
    case fixed
    case none
  }

  package var vocabularySize = 32000
  package var hiddenSize = 2048
  package var layerCount = 24
  package var headCount = 32
  package var keyValueHeadCount = 32
  package var maximumChunkSize = 16
  package var compressorHiddenSize = 1024
  package var compressorLayerCount = 6
  package var compressorHeadCount = 16
  package var hasProjectionBias = false
  package var hasHeadNorm = false
  package var rotaryBase = 10000.0
  package var maximumLength = 2048
  package var hiddenRatio: Int?
  package var intermediateSize: Int?
  package var initializerRange = 0.02
  package var normEpsilon = 1e-6
  package var paddingID: Int?
  package var beginID: Int?
  package var endID: Int?
  package var tiesEmbeddings = false
  package var minimumTrainChunkSize = 2
  package var trainChunkSizeSchedule: TrainChunkSizeSchedule? = .powersOfTwo
  package var padsToMultipleOf = 512
  package var compressorKeyValueHeadCount = 16
  package var compressorHasHeadNorm = false
  package var compressorIntermediateSize: Int?
  /// Whether the chunk size is the call's choice, which an adaptive vector tells the networks.
  package private(set) var isAdaptive = true

  /// The published defaults.
  package init() {}

  /// A model with the published default for all else: of the decoder's width and heads the compressor has half, of its
  /// layers a quarter.
  package init(vocabularySize: Int, hiddenSize: Int, layerCount: Int, headCount: Int, maximumLength: Int) {
    self.vocabularySize = vocabularySize
    self.hiddenSize = hiddenSize
    self.layerCount = layerCount
    self.headCount = headCount
    self.maximumLength = maximumLength
    keyValueHeadCount = headCount
    compressorHiddenSize = max(1, hiddenSize / 2)
    compressorLayerCount = max(1, layerCount / 4)
    compressorHeadCount = max(1, headCount / 2)
    compressorKeyValueHeadCount = compressorHeadCount
  }

  /// Reads the fields of a `model` section or of a `config.json`.
  package init(_ reader: JSONReader) throws(JSONError) {
    try reader.read(Self.keys, into: &self)
    reader.ignore(Self.ignoredFields)
    try checkWidths(reader)
    try checkChoiceOfSizes(reader)
  }

  /// Reads a model that has one chunk size, `chunk_size`; the fields that choose among sizes are then unknown.
  init(fixed reader: JSONReader) throws(JSONError) {
    isAdaptive = false
    padsToMultipleOf = 1
    trainChunkSizeSchedule = nil
    try reader.read(Self.fixedKeys, into: &self)
    reader.ignore(Self.ignoredFields)
    minimumTrainChunkSize = maximumChunkSize
    try checkWidths(reader)
  }

  private func checkWidths(_ reader: JSONReader) throws(JSONError) {
    func require(_ holds: Bool, _ key: String, _ found: Int, _ allowed: String) throws(JSONError) {
      if !holds { throw reader.invalid(key, found: "\(found)", allowed: allowed) }
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
    try require(
      maximumLength >= maximumChunkSize, "max_position_embeddings", maximumLength,
      "at least \(isAdaptive ? "max_chunk_size" : "chunk_size") \(maximumChunkSize)")
    try require(
      paddingID ?? 0 < vocabularySize, "pad_token_id", paddingID ?? 0, "below vocab_size \(vocabularySize)")
  }

  private func checkChoiceOfSizes(_ reader: JSONReader) throws(JSONError) {
    guard minimumTrainChunkSize <= maximumChunkSize else {
      throw reader.invalid(
        "min_train_chunk_size", found: "\(minimumTrainChunkSize)",
        allowed: "at most max_chunk_size \(maximumChunkSize)")
    }
    guard trainChunkSizeSchedule != .powersOfTwo || minimumTrainChunkSize.nonzeroBitCount == 1 else {
      throw reader.invalid(
        "min_train_chunk_size", found: "\(minimumTrainChunkSize)",
        allowed: "a power of two under train_chunk_size_schedule power_of_2")
    }
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
