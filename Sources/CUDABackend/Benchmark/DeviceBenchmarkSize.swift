internal import TensorCore

/// The sizes of CAT that a GPU's kernels are timed at: a decoder, and a compressor of half its width.
package enum DeviceBenchmarkSize: String, CaseIterable, Hashable, Sendable {
  /// Width 256, 512 tokens, batch 8: for a first look.
  case small = "S"
  /// Width 768, 2048 tokens, batch 32.
  case wide768 = "768"
  /// Width 1536, 4096 tokens, batch 8.
  case wide1536 = "1536"

  private static let headWidth = 64

  /// D.
  package var width: Int {
    switch self {
    case .small: 256
    case .wide768: 768
    case .wide1536: 1536
    }
  }

  /// T.
  package var length: Int {
    switch self {
    case .small: 512
    case .wide768: 2048
    case .wide1536: 4096
    }
  }

  /// B.
  package var sampleCount: Int { self == .wide768 ? 32 : 8 }
  package var vocabularySize: Int { self == .small ? 512 : 32000 }
  /// Rows of logits that are in memory at a time.
  var logitRowCount: Int { min(sampleCount * length, 16384) }
  /// Width of the feed-forward layer: two thirds of four widths, rounded up to a multiple of 256.
  var mlpWidth: Int { (width * 8 / 3 + 255) / 256 * 256 }
  /// Weights that are updated at once: about those of twelve layers and two embeddings.
  var parameterCount: Int { 12 * (4 * width * width + 3 * width * mlpWidth) + 2 * vocabularySize * width }

  /// Rows of the decoder at chunk size C: a global of each chunk, and a local of each token.
  func rowCount(chunkSize: Int) -> Int { staircase(chunkSize: chunkSize).rowCount }

  /// CAT's decoder.
  func staircase(chunkSize: Int) -> AttentionShape {
    shape(.staircase(globals: length / chunkSize + 1, locals: length + 1, chunk: chunkSize), width: width)
  }

  /// CAT's compressor: two leading rows and the tokens of each chunk.
  func blocks(chunkSize: Int) -> AttentionShape {
    shape(
      .blocks(leading: 2, length: chunkSize), width: width / 2, sequenceCount: sampleCount * (length / chunkSize))
  }

  /// A dense transformer of the same width.
  var causal: AttentionShape { shape(.causal(length: length), width: width) }

  /// A layer that sees an eighth of the context.
  var window: AttentionShape { shape(.window(length: length, size: length / 8), width: width) }

  private func shape(_ pattern: AttentionPattern, width: Int, sequenceCount: Int? = nil) -> AttentionShape {
    let headCount = width / Self.headWidth
    return AttentionShape(
      pattern: pattern, sequenceCount: sequenceCount ?? sampleCount, headCount: headCount,
      keyValueHeadCount: headCount, headWidth: Self.headWidth)
  }
}
