import ArgumentParser
import Foundation
import Generation
import JSON
import ModelIO
import Models
import Telemetry
import TokenData
import Tokenizers

struct GenerateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "generate",
    abstract: "Continues a text with a trained model, at any chunk size.",
    discussion: """
      Writes the text to standard output, then the rate after the first token and what the cache holds to standard \
      error.

      Example: catlm generate runs/smoke --prompt 'package struct ' --chunk-size 4 --max-tokens 64
      """)

  @Argument(help: "A checkpoint, or a run directory: its newest intact checkpoint.")
  var checkpoint: String

  @Option(help: "The text to continue; its bytes are taken as they are.")
  var prompt: String

  @Option(name: .customLong("chunk-size"), help: "1 to the model's largest; by default the largest.")
  var chunkSize: Int?

  @Option(
    name: .customLong("max-tokens"),
    help: "Most tokens to add; a text ends earlier where it fills the model's longest sequence.")
  var maxTokens = 128

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

  @OptionGroup var device: DeviceOption

  @OptionGroup var threads: ThreadsOption

  @Flag(name: .customLong("no-cache"), help: "Run the whole model again for each token: slow, to check the cache.")
  var skipsCache = false

  @Flag(help: "One JSON object on standard output.")
  var json = false

  func validate() throws {
    try OptionCheck.require("--max-tokens", maxTokens, in: 0...)
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
    for (option, isGiven) in [("--top-k", topK != nil), ("--top-p", topP < 1), ("--min-p", minP > 0)]
    where isGiven && temperature == 0 {
      throw OptionCheck.error(
        option, found: "it with --temperature 0, which takes the most likely token",
        allowed: "it with --temperature above 0, such as 1")
    }
    guard !prompt.isEmpty else {
      throw OptionCheck.error("--prompt", found: "nothing", allowed: "at least one character")
    }
  }

  func run() throws {
    let location = try CheckpointLocation(checkpoint)
    let device = try ComputeDevice.chosen(device.device)
    let backend = try device.makeBackend(threadCount: threads.count)
    device.announce(backend)
    let model = try location.checkpoint.makeModel(backend: backend)
    let tokenizer = try location.tokenizer(vocabularySize: model.config.vocabularySize)
    let promptBytes = CommandWords.rawValue(of: "--prompt") ?? Array(prompt.utf8)
    let ids = tokenizer.encodePrompt(promptBytes)
    guard ids.count < model.config.maximumLength else {
      throw UserError("--prompt: found \(ids.count) tokens, allowed: fewer than \(model.config.maximumLength)")
    }
    let generator = Generator(
      model: model, backend: backend,
      sampling: SamplingSettings(
        temperature: temperature, topK: topK, topP: topP, minP: minP, repetitionPenalty: repetitionPenalty,
        presencePenalty: presencePenalty, seed: seed),
      usesCache: !skipsCache)
    let size = try ChunkSizeOption.parse(chunkSize, model: model.config)
    let found = try generator.generate([ids], count: maxTokens, chunkSize: size)
    let text = tokenizer.continuation(of: ids, by: found.tokens[0])
    guard !json else { return try Output.print(report(found, text, model.config.chunkSizes == nil ? nil : size)) }
    try Output.write(promptBytes + Array(text.utf8) + [UInt8(ascii: "\n")])
    FileHandle.standardError.write(Data("\(summary(found, longest: model.config.maximumLength))\n".utf8))
  }

  private func summary(_ found: Continuations, longest: Int) -> String {
    let rate = found.tokensPerSecond.map { "\(Format.count(Int($0))) tokens/s, " } ?? ""
    let end =
      found.tokens[0].count < maxTokens
      ? "; ended at the model's longest sequence, \(longest) tokens with the prompt (max_position_embeddings)" : ""
    return "\(found.tokens[0].count) tokens, \(rate)cache \(Format.bytes(found.cacheBytes))\(end)"
  }

  private func report(_ found: Continuations, _ text: String, _ size: Int?) -> String {
    let object: JSONValue = [
      "prompt": .text(prompt), "text": .text(text), "tokens": .list(found.tokens[0].map { .integer(Int($0)) }),
      "chunk_size": size.map(JSONValue.integer) ?? .null, "prefill_seconds": .number(found.prefillTime / .seconds(1)),
      "tokens_per_second": found.tokensPerSecond.map(JSONValue.number) ?? .null,
      "cache_bytes": .integer(found.cacheBytes),
      "end": .text(found.tokens[0].count < maxTokens ? "longest_sequence" : "max_tokens"),
    ]
    return object.json(pretty: false)
  }
}
