/// How the next token is chosen from the model's distribution.
///
/// Penalties change the logits first; the temperature divides them; of the tokens that are left by top-k, those that top-p
/// leaves are drawn from, and of these those that min-p leaves: the order of `transformers`.
package struct SamplingSettings: Hashable, Sendable {
  /// 0: the most likely token.
  package var temperature: Double
  /// Only the `topK` most likely tokens; nil for all. Of equally likely ones, those of smaller ids.
  package var topK: Int?
  /// Only the most likely tokens that together reach this probability.
  package var topP: Double
  /// Only tokens at least this times as likely as the most likely one.
  package var minP: Double
  /// What divides the positive logits, and multiplies the negative ones, of tokens that are in the prompt or the
  /// continuation; 1 changes nothing.
  package var repetitionPenalty: Double
  /// What is taken from the logits of tokens that are in the continuation; 0 changes nothing.
  package var presencePenalty: Double
  package var seed: UInt64
  /// Most likely tokens whose log-probabilities are wanted with each token; nil for none, not even the token's own.
  package var logProbabilityCount: Int?

  package init(
    temperature: Double = 0, topK: Int? = nil, topP: Double = 1, minP: Double = 0, repetitionPenalty: Double = 1,
    presencePenalty: Double = 0, seed: UInt64 = 0, logProbabilityCount: Int? = nil
  ) {
    self.temperature = temperature
    self.topK = topK
    self.topP = topP
    self.minP = minP
    self.repetitionPenalty = repetitionPenalty
    self.presencePenalty = presencePenalty
    self.seed = seed
    self.logProbabilityCount = logProbabilityCount
  }

  /// Whether the most likely token is always taken: the largest logit, the first of equals.
  package var isGreedy: Bool { temperature <= 0 }

  var hasPenalties: Bool { repetitionPenalty != 1 || presencePenalty != 0 }

  /// Whether the choice needs more of the logits than where the largest is.
  var needsLogits: Bool { !isGreedy || hasPenalties || logProbabilityCount != nil }
}
