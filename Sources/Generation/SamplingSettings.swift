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
