internal import JSON
package import Models
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

  package var kind = Kind.uniform
  /// The sizes to train at; `[1]` for a model without chunks.
  package var sizes: [Int]
  /// Share of each size under `uniform`.
  package var weights: [Double]

  /// Every size that the model trains at unless told otherwise, all alike.
  package init(model: ModelConfig) {
    self.init(sizes: model.defaultChunkSizes)
  }

  /// - Parameter sizes: the sizes to train at, all alike.
  package init(sizes: [Int]) {
    self.sizes = sizes
    weights = sizes.map { _ in 1 }
  }

  static let keys: [Key<Self>] = [
    .choice(
      "chunk_schedule", \.kind,
      "Which chunk size a micro-batch runs at: one draw a step (uniform), or one after the other through the run "
        + "(cycle)."),
    .integers(
      "chunk_sizes", \.sizes, default: "the powers of two that the model has, from 2 up", in: 1...65536,
      "The chunk sizes to train at, each once, none above the model's largest; a model without chunks has none."),
    .numbers(
      "chunk_weights", \.weights, default: .derived("1 for each size") { $0.sizes.map { _ in 1 } }, in: 0...1e9,
      "How often each of chunk_sizes is drawn under uniform: its share of the sum."),
  ]

  /// Refuses what does not go together, or with the model.
  func check(_ reader: JSONReader, model: ModelConfig) throws(JSONError) {
    guard let allowed = model.chunkSizes else { return }
    for (index, size) in sizes.enumerated() where !allowed.contains(size) {
      throw reader.invalid(
        "chunk_sizes[\(index)]", found: "\(size)",
        allowed: "an integer in \(allowed.lowerBound)...\(allowed.upperBound), the model's chunk sizes")
    }
    guard !sizes.isEmpty, Set(sizes).count == sizes.count else {
      throw reader.invalid("chunk_sizes", found: "\(sizes)", allowed: "different sizes, at least one")
    }
    guard weights.count == sizes.count, weights.contains(where: { $0 > 0 }) else {
      throw reader.invalid(
        "chunk_weights", found: "\(weights)",
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
