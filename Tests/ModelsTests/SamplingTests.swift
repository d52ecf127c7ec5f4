import Foundation
import Generation
import JSON
import Randomness
import Testing

/// Choices from logits against a sampler that sorts all tokens and walks over them.
struct SamplingTests {
  static let settings: [SamplingSettings] = [
    SamplingSettings(temperature: 1), SamplingSettings(temperature: 0.7, topK: 5),
    SamplingSettings(temperature: 2, topK: 100_000), SamplingSettings(temperature: 0.9, topP: 0.5),
    SamplingSettings(temperature: 1.3, topP: 0.95, minP: 0.02), SamplingSettings(temperature: 0.01, topK: 40),
    SamplingSettings(temperature: 1, topK: 30, topP: 0.8, minP: 0.1), SamplingSettings(temperature: 50, minP: 0.9),
    SamplingSettings(temperature: 1e-4, topP: 0.9), SamplingSettings(temperature: 1000, topP: 1e-9),
    SamplingSettings(temperature: 0.8, topP: 0.9, repetitionPenalty: 1.3, presencePenalty: 0.7),
    SamplingSettings(repetitionPenalty: 2), SamplingSettings(presencePenalty: -3),
  ]

  static let vocabularySizes = [1, 2, 17, 1024, 1025, 1500]

  @Test(arguments: settings, vocabularySizes)
  func `draws are those of a sampler that sorts everything`(_ settings: SamplingSettings, vocabularySize: Int) {
    var generator = CounterGenerator(seed: 5, stream: .task, index: UInt64(vocabularySize))
    for trial in 0..<6 {
      var settings = settings
      settings.seed = UInt64(trial)
      // Every third time, many tokens are equally likely.
      let logits = (0..<vocabularySize).map { _ in
        let value = 4 * generator.normal()
        return Float(trial % 3 == 2 ? value.rounded() : value)
      }
      let history = History(prompt: [0, Int32(vocabularySize / 2)], added: [Int32(generator.below(vocabularySize))])
      let slow = SortingSampler(settings)
      let sampler = Sampler(settings)
      for position in 0..<3 {
        let expected = slow.choose(logits, position: position, sequence: trial, history: history)
        let found = sampler.choose(logits[...], position: position, sequence: trial, history: history.tokens).id
        #expect(found == expected, "trial \(trial), position \(position)")
      }
    }
  }

  @Test(arguments: settings, [1, 17, 1500])
  func `probabilities are those of a sampler that sorts everything`(_ settings: SamplingSettings, vocabularySize: Int) {
    var generator = CounterGenerator(seed: 6, stream: .task, index: UInt64(vocabularySize))
    let logits = (0..<vocabularySize).map { _ in Float(3 * generator.normal()) }
    let history = History(prompt: [0])
    let expected = SortingSampler(settings).probabilities(logits, history: history)
    let found = Sampler(settings).probabilities(logits, history: history.tokens)
    for id in logits.indices { #expect(abs(found[id] - expected[id]) <= 1e-12, "id \(id)") }
  }

  @Test(arguments: [5, 2000])
  func `each selection leaves out what it should`(vocabularySize: Int) {
    var logits = [Float](repeating: -30, count: vocabularySize)
    logits.replaceSubrange(0..<5, with: [0, 3, 1, 2.9, -2])
    func drawn(_ settings: SamplingSettings) -> Set<Int32> {
      let sampler = Sampler(settings)
      return Set((0..<2000).map { sampler.choose(logits[...], position: $0).id })
    }
    #expect(drawn(SamplingSettings(temperature: 1, topK: 2)) == [1, 3])
    #expect(drawn(SamplingSettings(temperature: 1, topP: 0.6)) == [1, 3])
    #expect(drawn(SamplingSettings(temperature: 1, topP: 1e-9)) == [1])
    #expect(drawn(SamplingSettings(temperature: 1, minP: 0.9)) == [1, 3])
    #expect(drawn(SamplingSettings(temperature: 1, minP: 0.1)) == [1, 2, 3])
    #expect(drawn(SamplingSettings(temperature: 1, topK: 4, topP: 0.999, minP: 0.1)) == [1, 2, 3])
    #expect(drawn(SamplingSettings(temperature: 1)) == [0, 1, 2, 3, 4])
  }

  @Test func `penalties fall on tokens that were there`() {
    let logits: [Float] = [4, 3, 2, -1]
    var history = TokenHistory(prompt: [0, 3])
    let repetition = Sampler(SamplingSettings(temperature: 1, repetitionPenalty: 2))
    let presence = Sampler(SamplingSettings(temperature: 1, presencePenalty: 2))
    func shares(_ logits: [Double]) -> [Double] {
      let weights = logits.map { exp($0) }
      return weights.map { $0 / weights.reduce(0, +) }
    }
    func expectClose(_ found: [Double], _ expected: [Double]) {
      for (a, b) in zip(found, expected) { #expect(abs(a - b) < 1e-6, "expected \(expected), found \(found)") }
    }
    expectClose(repetition.probabilities(logits, history: history), shares([2, 3, 2, -2]))
    expectClose(presence.probabilities(logits, history: history), shares([4, 3, 2, -1]))
    history.append(1)
    history.append(1)
    expectClose(repetition.probabilities(logits, history: history), shares([2, 1.5, 2, -2]))
    expectClose(presence.probabilities(logits, history: history), shares([4, 1, 2, -1]))
  }

  @Test(arguments: [3, 40, 5000])
  func `log-probabilities are of the model's own distribution`(vocabularySize: Int) throws {
    var generator = CounterGenerator(seed: 7, stream: .task)
    let logits = (0..<vocabularySize).map { _ in Float(20 + 5 * generator.normal()) }
    let settings = SamplingSettings(temperature: 0.5, topK: 2, logProbabilityCount: 5)
    let found = Sampler(settings).choose(logits[...], position: 3)
    let order = logits.indices.sorted { logits[$0] > logits[$1] }
    let normalizer = log(logits.reduce(0) { $0 + exp(Double($1) - 20) }) + 20
    #expect(found.alternatives.map(\.id) == order.prefix(5).map(Int32.init))
    let own = (found.id, try #require(found.logProbability))
    for (id, logProbability) in found.alternatives.map({ ($0.id, $0.logProbability) }) + [own] {
      #expect(abs(logProbability - (Double(logits[Int(id)]) - normalizer)) < 1e-9)
    }
    #expect(Sampler(SamplingSettings()).choose(logits[...], position: 3).logProbability == nil)
  }

  /// What `Tests/Python/sampling_check.py` wrote of the classes of transformers, logits and settings beside.
  @Test func `probabilities are those of transformers`() throws {
    let url = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .appending(path: "Fixtures/sampling/transformers.jsonl")
    let lines = try String(contentsOf: url, encoding: .utf8).split(separator: "\n")
    #expect(lines.count >= 30)
    for line in lines {
      let value = try JSONValue(json: String(line))
      let number = { (key: String) in value[key]?.numberValue }
      let numbers = { (key: String) in (value[key]?.listValue ?? []).compactMap(\.numberValue) }
      let settings = SamplingSettings(
        temperature: number("temperature") ?? 1, topK: value["top_k"]?.integerValue, topP: number("top_p") ?? 1,
        minP: number("min_p") ?? 0, repetitionPenalty: number("repetition_penalty") ?? 1)
      let history = TokenHistory(prompt: numbers("ids").map { Int32($0) })
      let found = Sampler(settings).probabilities(numbers("logits").map { Float($0) }, history: history)
      let expected = numbers("probabilities")
      #expect(found.count == expected.count)
      for (id, pair) in zip(found, expected).enumerated() {
        let isSame = (pair.0 == 0) == (pair.1 == 0) && abs(pair.0 - pair.1) <= 2e-5 * pair.1 + 1e-9
        #expect(isSame, "\(settings), id \(id): transformers \(pair.1), ours \(pair.0)")
      }
    }
  }
}

/// The tokens of a sequence.
private struct History {
  var prompt: [Int32] = []
  var added: [Int32] = []

  var tokens: TokenHistory {
    var history = TokenHistory(prompt: prompt)
    for id in added { history.append(id) }
    return history
  }
}

/// The slow and obvious sampler.
private struct SortingSampler {
  let settings: SamplingSettings

  init(_ settings: SamplingSettings) { self.settings = settings }

  /// Tokens with their weights, the most likely first.
  private func ranked(_ logits: [Float], _ history: History) -> [(id: Int, weight: Double)] {
    let logits = penalized(logits, history)
    let order = logits.indices.sorted { (-logits[$0], $0) < (-logits[$1], $1) }
    guard settings.temperature > 0 else { return [(order[0], 1)] }
    var ranked = order.prefix(settings.topK ?? logits.count).map { id in
      (id: id, weight: exp((Double(logits[id]) - Double(logits[order[0]])) / settings.temperature))
    }
    let wanted = settings.topP * ranked.reduce(0) { $0 + $1.weight }
    var sum = 0.0
    ranked = ranked.filter { token in
      defer { sum += token.weight }
      return sum < wanted || sum == 0
    }
    return ranked.filter { $0.weight >= settings.minP }
  }

  private func penalized(_ logits: [Float], _ history: History) -> [Float] {
    logits.indices.map { id in
      var logit = logits[id]
      if (history.prompt + history.added).contains(Int32(id)) {
        let factor = Float(settings.repetitionPenalty)
        logit = logit > 0 ? logit / factor : logit * factor
      }
      return history.added.contains(Int32(id)) ? logit - Float(settings.presencePenalty) : logit
    }
  }

  func choose(_ logits: [Float], position: Int, sequence: Int, history: History) -> Int32 {
    let ranked = ranked(logits, history)
    guard settings.temperature > 0 else { return Int32(ranked[0].id) }
    let place = UInt64(sequence) << 32 | UInt64(position)
    var generator = CounterGenerator(seed: settings.seed, stream: .generation, index: place)
    return Int32(ranked[generator.choose(ranked.map(\.weight))].id)
  }

  func probabilities(_ logits: [Float], history: History) -> [Double] {
    let ranked = ranked(logits, history)
    let total = ranked.reduce(0) { $0 + $1.weight }
    var probabilities = [Double](repeating: 0, count: logits.count)
    for token in ranked { probabilities[token.id] = token.weight / total }
    return probabilities
  }
}
