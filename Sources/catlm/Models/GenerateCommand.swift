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
    abstract: "Continues texts with a trained model, at any chunk size.",
    discussion: """
      Of one text (--prompt, or standard input), writes it and its continuation to standard output, then the rate after \
      the first token, what the cache holds and why the text ended to standard error.

      Of a file of JSON lines (--prompt-file), writes a JSON object for each, in order. A line has "prompt" or "ids", and \
      may have chunk_size, max_tokens, temperature, top_k, top_p, min_p, repetition_penalty, presence_penalty, seed, stop, \
      stop_ids and logprobs; what it does not have is what the options say. Texts of unlike chunk sizes run together.

      Example: catlm generate runs/smoke --prompt 'package struct ' --chunk-size 4 --max-tokens 64
      """)

  @Argument(help: "A checkpoint, or a run directory: its newest intact checkpoint.")
  var checkpoint: String

  @Option(help: "The text to continue; its bytes are taken as they are. With --ids, its ids with commas between them.")
  var prompt: String?

  @Option(name: .customLong("prompt-file"), help: "JSON lines, a text each; - is standard input.")
  var promptFile: String?

  @Option(
    name: .customLong("chunk-size"),
    help: """
      1 to the model's largest, by default that one; auto: the smallest at which what is kept of a text fits its share of \
      --cache-bytes.
      """)
  var chunkSize: ChunkSizeChoice?

  @Option(
    name: .customLong("max-tokens"),
    help: "Most tokens to add; a text ends earlier where it fills the model's longest sequence.")
  var maxTokens = 128

  @OptionGroup var sampling: SamplingOptions

  @Option(help: "A text that ends the continuation, which does not hold it; may stand several times.")
  var stop: [String] = []

  @Option(name: .customLong("stop-ids"), help: "Ids that end the continuation.")
  var stopIDs: IntegerList?

  @Flag(name: .customLong("ignore-end"), help: "Go on behind the token that ends a document.")
  var ignoresEnd = false

  @Option(help: "Most texts that are continued at the same time.")
  var batch = 16

  @Option(
    name: .customLong("cache-bytes"),
    help: "Most memory for keys and values: so many texts at a time, at least one, as fit into it.")
  var cacheBytes: Int?

  @OptionGroup var device: DeviceOption

  @OptionGroup var threads: ThreadsOption

  @Flag(name: .customLong("no-cache"), help: "Run the whole model again for each token: slow, to check the cache.")
  var skipsCache = false

  @Flag(help: "Prompts are ids, and so is what comes out: no tokenizer is needed.")
  var ids = false

  @Flag(help: "Write text as it comes; of JSON, an object for each token, and results as their texts end.")
  var stream = false

  @Flag(help: "One JSON object on standard output, or one a line.")
  var json = false

  func validate() throws {
    try OptionCheck.require("--max-tokens", maxTokens, in: 0...)
    try sampling.requireDraws(hasFile: promptFile != nil)
    try OptionCheck.require("--batch", batch, in: 1...)
    try OptionCheck.require("--cache-bytes", cacheBytes, in: 1...)
    guard prompt == nil || promptFile == nil else {
      throw OptionCheck.error("--prompt", found: "it beside --prompt-file", allowed: "one of them")
    }
    guard prompt != "" else {
      throw OptionCheck.error("--prompt", found: "nothing", allowed: "at least one character")
    }
    guard !stop.contains("") else {
      throw OptionCheck.error("--stop", found: "nothing", allowed: "at least one character")
    }
    guard !ids || stop.isEmpty else {
      throw OptionCheck.error("--stop", found: "it with --ids, which has no text", allowed: "--stop-ids")
    }
    guard chunkSize != .auto || cacheBytes != nil else {
      throw OptionCheck.error("--chunk-size", found: "auto without --cache-bytes", allowed: "both")
    }
    guard sampling.logProbabilityCount == nil || json || promptFile != nil else {
      throw OptionCheck.error("--logprobs", found: "it without --json", allowed: "both")
    }
  }

  func run() throws {
    let location = try CheckpointLocation(checkpoint)
    let device = try ComputeDevice.chosen(device.device)
    let backend = try device.makeBackend(threadCount: threads.count)
    device.announce(backend)
    let model = try location.checkpoint.makeModel(backend: backend)
    let tokenizer = ids ? nil : try location.tokenizer(vocabularySize: model.config.vocabularySize)
    let shared = GenerateTask.Shared(
      chunkSize: chunkSize == .auto ? nil : try ChunkSizeOption.parse(chunkSize?.size, model: model.config),
      maximumCount: maxTokens, sampling: sampling.settings, stops: stop,
      stopIDs: stopIDs?.values.map { Int32(clamping: $0) } ?? [],
      endID: ignoresEnd ? nil : model.config.definition.endID.map { Int32($0) } ?? tokenizer?.endOfDocument)
    let tasks = try tasks(shared, model: model.config, tokenizer: tokenizer)
    let run = try GenerateRun(
      tasks, endID: shared.endID, model: model, backend: backend, tokenizer: tokenizer, sequenceCount: batch,
      cacheBytes: cacheBytes, usesCache: !skipsCache)
    if promptFile == nil, !json { return try run.writeText(streams: stream) }
    try run.writeJSON(streams: stream, isNumbered: promptFile != nil)
  }

  private func tasks(
    _ shared: GenerateTask.Shared, model: ModelConfig, tokenizer: (any Tokenizer)?
  ) throws -> [GenerateTask] {
    if let promptFile {
      var tasks: [GenerateTask] = []
      try JSONLines.forEach([promptFile]) { line, place in
        tasks.append(try GenerateTask(line, shared: shared, model: model, tokenizer: tokenizer, place: place))
      }
      return tasks
    }
    let place = prompt == nil ? "standard input" : "--prompt"
    let bytes =
      prompt == nil ? try standardInput() : CommandWords.rawValue(of: "--prompt") ?? Array(prompt?.utf8 ?? "".utf8)
    guard !bytes.isEmpty else { throw UserError("\(place): found nothing, allowed: at least one character") }
    if let tokenizer {
      return [GenerateTask(bytes, ids: tokenizer.encodePrompt(bytes), shared: shared, place: place)]
    }
    guard let list = IntegerList(argument: String(decoding: bytes, as: UTF8.self)) else {
      throw UserError("\(place): found no ids, allowed with --ids: integers with commas between them, such as 1,2")
    }
    guard let last = list.values.first(where: { !(0..<model.vocabularySize).contains($0) }) else {
      return [GenerateTask(nil, ids: list.values.map { Int32($0) }, shared: shared, place: place)]
    }
    throw UserError("\(place): found id \(last), allowed: 0 to \(model.vocabularySize - 1)")
  }

  private func standardInput() throws -> [UInt8] {
    Array(try FileHandle.standardInput.readToEnd() ?? Data())
  }
}

/// What `--chunk-size` of generation says.
enum ChunkSizeChoice: ExpressibleByArgument, Hashable {
  case auto
  case size(Int)

  init?(argument: String) {
    guard argument != "auto" else {
      self = .auto
      return
    }
    guard let size = Int(argument) else { return nil }
    self = .size(size)
  }

  var size: Int? { if case .size(let size) = self { size } else { nil } }
}
