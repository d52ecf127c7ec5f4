internal import JSON
internal import MemoryPlans
internal import Settings
internal import Tokenizers

/// The texts that a run writes with the model of now: keys of the `train` section.
package struct SampleConfig: Hashable, Sendable {
  /// Steps between texts; 0: none.
  package var interval = 0
  private var givenPrompt: String?
  /// Most tokens of a text, its prompt not counted.
  package var tokenCount = 100
  /// 0: always the most likely token.
  package var temperature = 0.0

  /// What the texts begin with.
  package var prompt: String { givenPrompt ?? Self.standardPrompt }

  /// A beginning in most texts.
  static let standardPrompt = "The "

  package init() {}

  static let keys: [Key<Self>] = [
    .integer(
      "sample_interval", \.interval,
      "Steps between sample texts: the model of now continues sample_prompt at each of chunk_sizes, and the texts go to "
        + "the log and to metrics.jsonl. Needs data.tokenizer. 0: none."),
    .optionalText(
      "sample_prompt", \.givenPrompt, none: "\"\(standardPrompt)\"", allowed: "at least one character",
      "What sample texts begin with."),
    .integer("sample_tokens", \.tokenCount, in: 1...1_000_000, "Most tokens of a sample text, its prompt not counted."),
    .number(
      "sample_temperature", \.temperature, in: 0...1000,
      "0: always the most likely token; above, tokens are drawn, at each step with the same seed."),
  ]
}

extension RunConfig {
  /// Refuses sample texts that the run has no tokenizer for, or whose prompt leaves no room.
  func checkSamples() throws(JSONError) {
    let samples = train.samples
    guard samples.interval > 0 else { return }
    guard data.tokenizer != nil else {
      throw .invalid(
        key: "train.sample_interval", found: "\(samples.interval)", allowed: "0 where data.tokenizer names none")
    }
    let count = samplePrompt.count
    guard (1..<model.maximumLength).contains(count) else {
      throw .invalid(
        key: "train.sample_prompt", found: "\(count) tokens", allowed: "1 to \(model.maximumLength - 1) tokens")
    }
  }

  /// Ids of the sample texts' prompt; empty without a tokenizer.
  ///
  /// Of a tokenizer that cannot be read, which is said elsewhere, it is the prompt's bytes.
  var samplePrompt: [Int32] {
    guard data.tokenizer != nil else { return [] }
    let tokenizer = (try? data.loadTokenizer()) ?? ByteTokenizer()
    return tokenizer.encodePrompt(Array(train.samples.prompt.utf8))
  }

  /// What sample texts need memory for; nil if there are none.
  var samplePlan: TensorPlan.Samples? {
    guard train.samples.interval > 0, !samplePrompt.isEmpty else { return nil }
    let length = min(samplePrompt.count + train.samples.tokenCount, model.maximumLength)
    return TensorPlan.Samples(promptLength: samplePrompt.count, length: length, chunkSizes: train.chunks.sizes)
  }
}
