import ArgumentParser
import Foundation
import Generation
import Models
import Settings
import TokenData

struct GenerateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "generate",
    abstract: "Continues a text with a trained model, at any chunk size.",
    discussion: "Example: catlm generate runs/smoke --prompt 'package struct ' --chunk-size 4 --max-tokens 64")

  @Argument(help: "A checkpoint, or a run directory: its newest intact checkpoint.")
  var checkpoint: String

  @Option(help: "The text to continue.")
  var prompt: String

  @Option(name: .customLong("chunk-size"), help: "1 to the model's largest; by default the largest.")
  var chunkSize: Int?

  @Option(name: .customLong("max-tokens"), help: "Most tokens to add.")
  var maxTokens = 128

  @Option(help: "0: always the most likely token.")
  var temperature = 0.0

  @Option(name: .customLong("top-k"), help: "Draw among the K most likely tokens.")
  var topK: Int?

  @Option(name: .customLong("top-p"), help: "Draw among the most likely tokens that reach this probability.")
  var topP = 1.0

  @Option(help: "Seed of the draws.")
  var seed: UInt64 = 0

  @OptionGroup var threads: ThreadsOption

  @Flag(help: "One JSON object on standard output.")
  var json = false

  func validate() throws {
    guard maxTokens >= 0 else { throw ValidationError("--max-tokens: found \(maxTokens), allowed: 0 and more") }
    guard temperature >= 0 else { throw ValidationError("--temperature: found \(temperature), allowed: 0 and more") }
    guard topK ?? 1 >= 1 else { throw ValidationError("--top-k: found \(topK ?? 0), allowed: 1 and more") }
    guard topP > 0, topP <= 1 else { throw ValidationError("--top-p: found \(topP), allowed: above 0, at most 1") }
    guard !prompt.isEmpty else { throw ValidationError("--prompt: found nothing, allowed: at least one character") }
  }

  func run() throws {
    let location = try CheckpointLocation(checkpoint)
    let backend = Host.makeBackend(threadCount: threads.count)
    let model = try location.checkpoint.makeModel(backend: backend)
    let tokenizer = try location.tokenizer(vocabularySize: model.config.vocabularySize)
    let ids = tokenizer.encode(Array(prompt.utf8))
    guard ids.count < model.config.maximumLength else {
      throw UserError("--prompt: found \(ids.count) tokens, allowed: fewer than \(model.config.maximumLength)")
    }
    let generator = Generator(
      model: model, backend: backend,
      sampling: SamplingSettings(temperature: temperature, topK: topK, topP: topP, seed: seed))
    let size = try ChunkSizeOption.parse(chunkSize, model: model.config)
    let clock = ContinuousClock()
    let start = clock.now
    let new = generator.generate([ids], count: maxTokens, chunkSize: size)[0]
    let seconds = (clock.now - start) / .seconds(1)
    print(
      json
        ? report(new, tokenizer.decode(new), model.config.chunkSizes == nil ? nil : size, seconds)
        : prompt + tokenizer.decode(new))
  }

  private func report(_ ids: [Int32], _ text: String, _ size: Int?, _ seconds: Double) -> String {
    let object: Setting = [
      "prompt": .text(prompt), "text": .text(text), "tokens": .list(ids.map { .integer(Int($0)) }),
      "chunk_size": size.map(Setting.integer) ?? .null, "tokens_per_second": .number(Double(ids.count) / seconds),
    ]
    return object.json(pretty: false)
  }
}
