internal import Foundation
package import Models
internal import Telemetry

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
  package func cat(context: Int) -> ModelConfig {
    ModelConfig(
      CATConfig(
        vocabularySize: vocabularySize, hiddenSize: width, layerCount: layerCount, headCount: headCount,
        maximumLength: max(16, context)))
  }

  /// A dense transformer of the same width and depth.
  package func dense(context: Int) -> ModelConfig {
    ModelConfig(
      DenseConfig(
        vocabularySize: vocabularySize, hiddenSize: width, layerCount: layerCount, headCount: headCount,
        maximumLength: context))
  }
}

/// Memory that new work may take, in bytes: half of the machine's where the system does not say, less where the limits of
/// this process leave less.
func availableMemoryBytes() -> Int {
  let memory = AvailableMemory()
  let shared = memory.byteCount ?? Int(ProcessInfo.processInfo.physicalMemory) / 2
  return min(shared, memory.addressBytes(threadCount: 1) ?? .max)
}
