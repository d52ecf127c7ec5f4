internal import Foundation
internal import Randomness

/// Chooses tokens from logits; a pure function of the settings, the place in the sequence and the logits.
package struct Sampler: Sendable {
  private let settings: SamplingSettings

  package init(_ settings: SamplingSettings) {
    self.settings = settings
  }

  /// Whether the most likely token is always taken: the largest logit, the first of equals.
  package var isGreedy: Bool { settings.temperature <= 0 }

  /// The next token's id.
  ///
  /// - Parameters:
  ///   - logits: `[V]`, all finite.
  ///   - position: number of tokens before it; with `sequence`, keys the random draw.
  ///   - sequence: which sequence of a batch.
  package func choose(_ logits: ArraySlice<Float>, position: Int, sequence: Int = 0) -> Int32 {
    let start = logits.startIndex
    guard !isGreedy else {
      let best = logits.indices.max { logits[$0] < logits[$1] || (logits[$0] == logits[$1] && $0 > $1) }
      return Int32((best ?? start) - start)
    }
    var order = logits.indices.sorted { logits[$0] > logits[$1] }
    if let topK = settings.topK { order = Array(order.prefix(topK)) }
    let largest = Double(logits[order[0]])
    let weights = nucleus(order.map { exp((Double(logits[$0]) - largest) / settings.temperature) })
    let draw = UInt64(sequence) << 32 | UInt64(position)
    var generator = CounterGenerator(seed: settings.seed, stream: .generation, index: draw)
    return Int32(order[generator.choose(weights)] - start)
  }

  /// The first weights that together reach the share `topP`.
  private func nucleus(_ weights: [Double]) -> [Double] {
    let wanted = settings.topP * weights.reduce(0, +)
    var sum = 0.0
    let last = weights.firstIndex { weight in
      sum += weight
      return sum >= wanted
    }
    return Array(weights.prefix((last ?? weights.count - 1) + 1))
  }
}

/// How the next token is chosen from the model's distribution.
package struct SamplingSettings: Hashable, Sendable {
  /// 0: the most likely token.
  package var temperature: Double
  /// Only the `topK` most likely tokens; nil for all.
  package var topK: Int?
  /// Only the most likely tokens that together reach this probability.
  package var topP: Double
  package var seed: UInt64

  package init(temperature: Double = 0, topK: Int? = nil, topP: Double = 1, seed: UInt64 = 0) {
    self.temperature = temperature
    self.topK = topK
    self.topP = topP
    self.seed = seed
  }
}
