package import Models
internal import Settings

/// The model sizes that this program and its peers are timed at.
package enum BenchmarkSize: String, CaseIterable, Hashable, Sendable {
  /// Decoder 256 wide, 4 layers; compressor 128 wide, 1 layer; vocabulary 512, context 512, batch 8.
  case small = "S"
  /// Decoder 768 wide, 12 layers; compressor 384 wide, 3 layers; vocabulary 32000, context 1024, batch 1.
  case medium = "M"

  package var context: Int {
    switch self {
    case .small: 512
    case .medium: 1024
    }
  }

  package var sampleCount: Int {
    switch self {
    case .small: 8
    case .medium: 1
    }
  }

  private var layerCount: Int { self == .small ? 4 : 12 }
  private var width: Int { self == .small ? 256 : 768 }
  private var headCount: Int { self == .small ? 4 : 12 }
  private var vocabularySize: Int { self == .small ? 512 : 32000 }

  /// An adaptive CAT of this size for sequences of `context` tokens.
  package func cat(context: Int) throws -> ModelConfig {
    let fields: Setting = [
      "model_type": "cat", "vocab_size": .integer(vocabularySize), "hidden_size": .integer(width),
      "num_hidden_layers": .integer(layerCount), "num_heads": .integer(headCount),
      "compressor_hidden_size": .integer(width / 2), "compressor_num_layers": .integer(self == .small ? 1 : 3),
      "compressor_num_heads": .integer(headCount / 2), "max_chunk_size": 16,
      "max_position_embeddings": .integer(max(16, context)),
    ]
    return try ModelConfig(SettingsReader(fields, path: "model"))
  }

  /// A dense transformer of the same width and depth.
  package func dense(context: Int) throws -> ModelConfig {
    let fields: Setting = [
      "model_type": "llama", "vocab_size": .integer(vocabularySize), "hidden_size": .integer(width),
      "num_hidden_layers": .integer(layerCount), "num_attention_heads": .integer(headCount),
      "max_position_embeddings": .integer(context),
    ]
    return try ModelConfig(SettingsReader(fields, path: "model"))
  }
}
