internal import Models
internal import Randomness
internal import Settings

/// Which chunk size each micro-batch runs at: a function of seed and step, equal on all ranks.
package struct ChunkSchedule: Hashable, Sendable {
  package enum Kind: String, CaseIterable, Hashable, Sendable {
    /// One draw a step.
    case uniform
    /// Round-robin over micro-batches, counted through the run.
    case cycle
  }

  package let kind: Kind
  /// The sizes to train at; `[1]` for a model without chunks.
  package let sizes: [Int]
  /// Share of each size under `uniform`.
  package let weights: [Double]

  init(_ reader: SettingsReader, model: ModelConfig) throws(SettingsError) {
    kind = try reader.choice("chunk_schedule", default: .uniform)
    guard let allowed = model.chunkSizes else {
      sizes = [1]
      weights = [1]
      reader.ignore(["chunk_sizes", "chunk_weights"])
      return
    }
    sizes = try reader.integers("chunk_sizes", default: model.defaultChunkSizes, in: allowed)
    weights = try reader.numbers("chunk_weights", default: sizes.map { _ in 1 }, in: 0...1e9)
    guard !sizes.isEmpty, Set(sizes).count == sizes.count else {
      throw .invalid(key: reader.path + ".chunk_sizes", found: "\(sizes)", allowed: "different sizes, at least one")
    }
    guard weights.count == sizes.count, weights.contains(where: { $0 > 0 }) else {
      throw .invalid(
        key: reader.path + ".chunk_weights", found: "\(weights)",
        allowed: "one weight for each of chunk_sizes \(sizes), not all zero")
    }
  }

  /// Chunk size of micro-batch `microBatch` of `accumulation` at `step`, both from 0.
  package func size(step: Int, microBatch: Int, accumulation: Int, seed: UInt64) -> Int {
    switch kind {
    case .uniform:
      var generator = CounterGenerator(seed: seed, stream: .chunkSize, index: UInt64(step))
      return sizes[generator.choose(weights)]
    case .cycle:
      return sizes[(step * accumulation + microBatch) % sizes.count]
    }
  }
}
