import ArgumentParser
import Generation
import JSON

/// The options that say how tokens are chosen.
struct SamplingOptions: ParsableArguments {
  @Option(help: "0: always the most likely token; above it, tokens are drawn.")
  var temperature = 0.0

  @Option(name: .customLong("top-k"), help: "Draw among the K most likely tokens.")
  var topK: Int?

  @Option(name: .customLong("top-p"), help: "Draw among the most likely tokens that reach this probability.")
  var topP = 1.0

  @Option(
    name: .customLong("min-p"), help: "Draw among tokens that are at least this times as likely as the most likely one."
  )
  var minP = 0.0

  @Option(
    name: .customLong("repetition-penalty"),
    help: "Divides positive logits of tokens that were there, prompt included, and multiplies negative ones.")
  var repetitionPenalty = 1.0

  @Option(
    name: .customLong("presence-penalty"), help: "Is taken from the logits of tokens that were generated already.")
  var presencePenalty = 0.0

  @Option(help: "Seed of the draws.")
  var seed: UInt64 = 0

  @Option(
    name: .customLong("logprobs"),
    help: "With each token in JSON, the log-probabilities of it and of the K most likely ones, of the model itself.")
  var logProbabilityCount: Int?

  func validate() throws {
    try OptionCheck.require("--temperature", temperature, in: 0...)
    try OptionCheck.require("--top-k", topK, in: 1...)
    guard topP > 0, topP <= 1 else {
      throw OptionCheck.error("--top-p", found: "\(topP)", allowed: "above 0, at most 1")
    }
    try OptionCheck.require("--min-p", minP, in: 0...1)
    guard repetitionPenalty > 0, repetitionPenalty.isFinite else {
      throw OptionCheck.error("--repetition-penalty", found: "\(repetitionPenalty)", allowed: "above 0")
    }
    guard presencePenalty.isFinite else {
      throw OptionCheck.error("--presence-penalty", found: "\(presencePenalty)", allowed: "a finite number")
    }
    try OptionCheck.require("--logprobs", logProbabilityCount, in: 0...)
  }

  /// Refuses options of draws where there are none.
  ///
  /// - Parameter hasFile: whether lines of a file may say that there are.
  func requireDraws(hasFile: Bool) throws {
    guard !hasFile else { return }
    for (option, isGiven) in [("--top-k", topK != nil), ("--top-p", topP < 1), ("--min-p", minP > 0)]
    where isGiven && temperature == 0 {
      throw OptionCheck.error(
        option, found: "it with --temperature 0, which takes the most likely token",
        allowed: "it with --temperature above 0, such as 1")
    }
  }

  var settings: SamplingSettings {
    SamplingSettings(
      temperature: temperature, topK: topK, topP: topP, minP: minP, repetitionPenalty: repetitionPenalty,
      presencePenalty: presencePenalty, seed: seed, logProbabilityCount: logProbabilityCount)
  }
}

extension SamplingSettings {
  /// What a JSON object says; what it does not say is that of `shared`.
  init(_ reader: JSONReader, shared: SamplingSettings) throws(JSONError) {
    let least = Double.leastNonzeroMagnitude
    self = shared
    temperature = try reader.number("temperature", default: shared.temperature, in: 0...Double.greatestFiniteMagnitude)
    topK = try reader.optionalInteger("top_k", in: 1...Int.max) ?? shared.topK
    topP = try reader.number("top_p", default: shared.topP, in: least...1)
    minP = try reader.number("min_p", default: shared.minP, in: 0...1)
    repetitionPenalty = try reader.number(
      "repetition_penalty", default: shared.repetitionPenalty, in: least...Double.greatestFiniteMagnitude)
    presencePenalty = try reader.number("presence_penalty", default: shared.presencePenalty)
    seed = UInt64(try reader.integer("seed", default: Int(clamping: shared.seed)))
    logProbabilityCount = try reader.optionalInteger("logprobs") ?? shared.logProbabilityCount
  }
}
