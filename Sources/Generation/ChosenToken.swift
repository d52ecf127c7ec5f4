internal import Foundation

/// A token, and how likely the model finds it and others.
package struct ChosenToken: Hashable, Sendable {
  /// An id with the log of its probability under the model itself: before penalties, temperature and selection.
  package struct Likelihood: Hashable, Sendable {
    package let id: Int32
    /// In nats.
    package let logProbability: Double
  }

  package let id: Int32
  /// In nats; nil where it was not wanted.
  package let logProbability: Double?
  /// The most likely tokens, the most likely first.
  package let alternatives: [Likelihood]

  init(id: Int32) {
    self.id = id
    logProbability = nil
    alternatives = []
  }

  /// - Parameter logits: of the model, `[V]`.
  init(id: Int32, logits: [Float], alternativeCount: Int) {
    let ranking = TokenRanking(logits)
    let largest = Double(ranking.largest)
    let normalizer = largest + log(logits.reduce(0) { $0 + exp(Double($1) - largest) })
    let logProbability = { (id: Int32) in Double(logits[Int(id)]) - normalizer }
    self.id = id
    self.logProbability = logProbability(id)
    alternatives = ranking.first(alternativeCount).map { Likelihood(id: $0, logProbability: logProbability($0)) }
  }
}

/// Which tokens a sequence holds already, as penalties count them.
package struct TokenHistory: Sendable {
  /// Of the prompt and the continuation.
  private var seen: Set<Int32>
  /// Of the continuation.
  private var added: Set<Int32> = []

  package init(prompt: some Sequence<Int32>) {
    seen = Set(prompt)
  }

  package mutating func append(_ id: Int32) {
    seen.insert(id)
    added.insert(id)
  }

  /// The logits, `[V]`, less what the settings take for tokens that were there.
  func penalized(_ logits: [Float], _ settings: SamplingSettings) -> [Float] {
    guard settings.hasPenalties else { return logits }
    var logits = logits
    let factor = Float(settings.repetitionPenalty)
    for id in seen {
      let logit = logits[Int(id)]
      logits[Int(id)] = logit < 0 ? logit * factor : logit / factor
    }
    for id in added { logits[Int(id)] -= Float(settings.presencePenalty) }
    return logits
  }
}
