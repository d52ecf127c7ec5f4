import ArgumentParser
import Evaluation
import Foundation
import JSON
import MemoryPlans
import ModelIO
import Models
import Parallel
import Telemetry
import TensorCore
import TokenData

struct EvaluateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "evaluate",
    abstract: "Measures a checkpoint's loss, accuracy and speed at each chunk size.",
    discussion: """
      Without a source, the run's own validation data is used. Cache bytes are what generation keeps for one sequence \
      of the evaluated length. Results of a run's checkpoint are also added to evaluations.jsonl in the run directory, \
      where `catlm report` finds them.

      Example: catlm evaluate runs/smoke --chunk-sizes 2,4,8,16
      """)

  enum Task: String, ExpressibleByArgument, CaseIterable {
    case mqar
  }

  @Argument(help: "A checkpoint, or a run directory: its newest intact checkpoint.")
  var checkpoint: String

  @Option(help: "Token shards: a file, a directory or a pattern.")
  var tokens: String?

  @Option(help: "Of --tokens: auto (what each file says of itself) or nanogpt (16-bit ids without a header).")
  var format = FormatChoice.auto

  @Option(help: "A text file, tokenized on the way.")
  var text: String?

  @Option(help: "A generated task: mqar, multi-query associative recall.")
  var task: Task?

  @Option(name: .customLong("chunk-sizes"), help: "Comma-separated; by default those of the run.")
  var chunkSizes: String?

  @Option(help: "Tokens of a sample; by default the run's, or the model's longest.")
  var context: Int?

  @Option(help: "Most samples to evaluate.")
  var samples: Int?

  @Option(help: "Samples in a batch.")
  var batch = 16

  @OptionGroup var threads: ThreadsOption

  @Flag(help: "No progress on standard error.")
  var quiet = false

  @Flag(help: "One JSON object a chunk size on standard output.")
  var json = false

  func validate() throws {
    let sources = [("--tokens", tokens), ("--text", text), ("--task", task?.rawValue)].filter { $0.1 != nil }
    guard sources.count <= 1 else {
      let found = sources.dropFirst().map(\.0).joined(separator: " and ")
      throw OptionCheck.error(sources[0].0, found: "\(found) beside it", allowed: "one source")
    }
    try OptionCheck.require("--batch", batch, in: 1...)
    try OptionCheck.require("--samples", samples, in: 1...)
    try OptionCheck.require("--context", context, in: 1...)
    guard task == nil || context == nil else {
      throw OptionCheck.error("--context", found: "--task beside it", allowed: "one of the two")
    }
  }

  func run() throws {
    let location = try CheckpointLocation(checkpoint)
    let backend = Host.makeBackend(threadCount: threads.count)
    let model = try location.checkpoint.makeModel(backend: backend)
    let source = try EvaluationSource(self, location: location, model: model.config)
    let data = try source.open(batchSize: batch)
    try data.requireIDs(below: model.config.vocabularySize)
    let evaluator = Evaluator(model: model, backend: backend)
    let sizes = try ChunkSizeOption.parse(chunkSizes, model: model.config, run: location.run)
    try requireRoom(model.config, length: source.length, sampleCount: min(batch, data.sampleCount), sizes)
    if !json { try Output.print(EvaluationTable.header) }
    let log = EvaluationLog(besideCheckpoint: location.checkpoint.path)
    let progress =
      quiet ? nil : EvaluationProgressLine("evaluation", batchCount: sizes.count * data.batchCount)
    defer { progress?.finish() }
    for chunkSize in sizes {
      let shownSize = model.config.chunkSizes == nil ? nil : chunkSize
      let result = evaluator.evaluate(data, indices: Array(0..<data.batchCount), chunkSize: chunkSize) {
        progress?.advance(tokenCount: $0, chunkSize: shownSize)
      }
      progress?.finish()
      let row = EvaluationTable.Row(
        chunkSize: shownSize, result: result,
        cacheBytes: model.config.cacheBytes(length: source.length, chunkSize: chunkSize),
        parameterCount: model.parameters.count, step: location.checkpoint.state?.step, source: source.name,
        context: source.length)
      log.append(row.object)
      try Output.print(json ? row.object.json(pretty: false) : row.text)
    }
  }

  /// Refuses batches that have no room. The model's weights are there already.
  private func requireRoom(_ config: ModelConfig, length: Int, sampleCount: Int, _ chunkSizes: [Int]) throws {
    let plan = TensorPlan(
      model: config, optimizer: nil, recomputation: .none, steps: [], sampleCount: 0, length: length,
      validation: (sampleCount, chunkSizes))
    let weightBytes = 4 * config.specs(scheme: .fla).reduce(0) { $0 + $1.count }
    let bytes = plan.peakBytes { Host.makePlanner(threadCount: threads.count) } - weightBytes
    try Host.room(threadCount: threads.count).require(
      bytes, remedies: ["a smaller --batch (\(batch))", "a smaller --context (\(length))"], in: SoloGroup())
  }
}

/// How an evaluation is printed: one line a chunk size.
enum EvaluationTable {
  static let header = "chunk size     loss  accuracy   tokens/s  cache bytes a sequence"

  struct Row {
    /// Nil for a model without chunks.
    let chunkSize: Int?
    let result: EvaluationResult
    let cacheBytes: Int
    let parameterCount: Int
    /// Steps that the model was trained for; nil if the checkpoint does not say.
    let step: Int?
    /// What it was measured on.
    let source: String
    /// Tokens of the longest sample.
    let context: Int

    var text: String {
      let size = (chunkSize.map(String.init) ?? "–").padded(to: 10)
      let loss = Format.fixed(result.loss, digits: 4).padded(to: 9)
      let accuracy = Format.fixed(result.accuracy, digits: 4).padded(to: 10)
      let rate = String(Int(result.tokensPerSecond)).padded(to: 11)
      return size + loss + accuracy + rate + String(cacheBytes).padded(to: 24)
    }

    var object: JSONValue {
      [
        "chunk_size": chunkSize.map(JSONValue.integer) ?? .null, "loss": .number(result.loss),
        "accuracy": .number(result.accuracy), "targets": .integer(result.targetCount),
        "tokens_per_second": .number(result.tokensPerSecond), "cache_bytes": .integer(cacheBytes),
        "parameters": .integer(parameterCount), "perplexity": .number(exp(result.loss)),
        "step": step.map(JSONValue.integer) ?? .null, "source": .text(source), "context": .integer(context),
      ]
    }
  }
}
