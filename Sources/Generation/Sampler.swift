internal import Foundation
internal import Randomness

/// Chooses tokens from logits; a pure function of the settings, the place in the sequence, the tokens so far and the
/// logits.
package struct Sampler: Sendable {
  /// Vocabularies of so many tokens are sorted whole, which is cheaper than not to.
  private static let sortedCount = 1024
  /// Tokens whose logits, divided by the temperature, are so much below the largest are never drawn: all of them together
  /// are less likely than the smallest step of a random number.
  private static let reach = 64.0

  private let settings: SamplingSettings

  package init(_ settings: SamplingSettings) {
    self.settings = settings
  }

  /// Whether the choice needs more of the logits than where the largest is.
  var needsLogits: Bool { settings.needsLogits }
  /// Whether a sequence's ``TokenHistory`` counts.
  var hasPenalties: Bool { settings.hasPenalties }

  /// The next token.
  ///
  /// - Parameters:
  ///   - logits: `[V]`, all finite.
  ///   - position: number of tokens before it; with `sequence`, keys the random draw.
  ///   - sequence: which sequence of a batch, or which sample of a prompt.
  ///   - history: what penalties count; nil for nothing.
  package func choose(
    _ logits: ArraySlice<Float>, position: Int, sequence: Int = 0, history: TokenHistory? = nil
  ) -> ChosenToken {
    let raw = Array(logits)
    let logits = history.map { $0.penalized(raw, settings) } ?? raw
    let token = settings.isGreedy ? mostLikely(logits) : draw(logits, position: position, sequence: sequence)
    guard let count = settings.logProbabilityCount else { return ChosenToken(id: token) }
    return ChosenToken(id: token, logits: raw, alternativeCount: count)
  }

  private func mostLikely(_ logits: [Float]) -> Int32 {
    var best = 0
    for index in logits.indices where logits[index] > logits[best] { best = index }
    return Int32(best)
  }

  private func draw(_ logits: [Float], position: Int, sequence: Int) -> Int32 {
    let place = UInt64(sequence) << 32 | UInt64(position)
    var generator = CounterGenerator(seed: settings.seed, stream: .generation, index: place)
    if settings.topK != nil || logits.count <= Self.sortedCount {
      let (tokens, weights) = candidates(logits)
      return tokens[generator.choose(weights)]
    }
    let ranking = TokenRanking(logits, reach: Float(Self.reach * settings.temperature))
    var weights = weights(logits, largest: ranking.largest)
    var masses = ranking.masses(weights)
    var total = masses.reduce(0, +)
    if settings.topP < 1 {
      // The token that reaches the probability exactly is the last of them.
      let wanted = (settings.topP * total).nextDown
      total = ranking.exceeding(wanted, weights: weights, masses: masses).sum
    }
    if settings.minP > 0 {
      for index in weights.indices where weights[index] < settings.minP { weights[index] = 0 }
      masses = ranking.masses(weights)
      total = min(total, masses.reduce(0, +))
    }
    return ranking.exceeding(generator.uniform() * total, weights: weights, masses: masses).token
  }

  /// Probabilities over that of the most likely token, `[V]`.
  private func weights(_ logits: [Float], largest: Float) -> [Double] {
    let largest = Double(largest)
    return logits.map { logit in
      let below = (Double(logit) - largest) / settings.temperature
      return below < -Self.reach ? 0 : exp(below)
    }
  }

  /// The tokens that a draw may give, the most likely first, and how likely they are as multiples of the first one.
  private func candidates(_ logits: [Float]) -> (tokens: [Int32], weights: [Double]) {
    let ranking = TokenRanking(logits)
    let tokens = ranking.first(settings.topK ?? logits.count)
    let largest = Double(ranking.largest)
    let weights = tokens.map { exp((Double(logits[Int($0)]) - largest) / settings.temperature) }
    let likely = nucleus(weights).prefix { $0 >= settings.minP }
    return (Array(tokens.prefix(likely.count)), Array(likely))
  }

  /// The first weights that together reach the share `topP`.
  private func nucleus(_ weights: [Double]) -> ArraySlice<Double> {
    let wanted = settings.topP * weights.reduce(0, +)
    var sum = 0.0
    let last = weights.firstIndex { weight in
      sum += weight
      return sum >= wanted
    }
    return weights.prefix((last ?? weights.count - 1) + 1)
  }

  /// How likely each token is to be drawn, `[V]`.
  package func probabilities(_ logits: [Float], history: TokenHistory? = nil) -> [Double] {
    let logits = history.map { $0.penalized(logits, settings) } ?? logits
    var probabilities = [Double](repeating: 0, count: logits.count)
    guard !settings.isGreedy else {
      probabilities[Int(mostLikely(logits))] = 1
      return probabilities
    }
    let (tokens, weights) = candidates(logits)
    let total = weights.reduce(0, +)
    for (token, weight) in zip(tokens, weights) { probabilities[Int(token)] = weight / total }
    return probabilities
  }
}
