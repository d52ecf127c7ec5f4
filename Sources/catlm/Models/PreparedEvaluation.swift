import CPUBackend
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
import Tokenizers

/// A model in memory, a task for it, and the chunk sizes that it is measured at.
struct PreparedEvaluation {
  private let command: EvaluateCommand
  private let location: CheckpointLocation
  private let model: any LanguageModel
  private let task: any EvaluationTask
  private let chunkSizes: [Int]
  private let threadCount: Int
  private let device: ComputeDevice
  private let room: MemoryRoom

  /// All ranks call it.
  init(_ command: EvaluateCommand, group: any ProcessGroup) throws {
    self.command = command
    threadCount = try Host.threadCount(setting: command.threads.threads, group: group)
    location = try CheckpointLocation(command.checkpoint, isSilent: group.rank != 0)
    device = try ComputeDevice.chosen(command.device.device, in: group) { nil }
    let backend = try device.makeBackend(threadCount: threadCount)
    if group.rank == 0 { device.announce(backend) }
    model = try location.checkpoint.makeModel(backend: backend)
    chunkSizes = try ChunkSizeOption.parse(command.chunkSizes, model: model.config, run: location.run)
    room = device.room(for: backend, threadCount: threadCount)
    let tasks = EvaluationTasks(command, location: location, model: model, backend: backend, group: group)
    task = try tasks.make()
  }

  /// Refuses batches that have no room. The model's weights are there already. All ranks call it.
  func requireRoom(in group: any ProcessGroup) throws {
    let config = model.config
    let plan = TensorPlan(
      model: config, optimizer: nil, recomputation: .none, steps: [], sampleCount: 0, length: task.length,
      mostSequences: (task as? LossTask)?.data.mostSequences ?? 1, validation: (task.batchSize, chunkSizes))
    let weightBytes = 4 * config.specs(scheme: .fla).reduce(0) { $0 + $1.count }
    let bytes = plan.peakBytes { device.makePlanner(threadCount: threadCount) } - weightBytes
    let caches = task is NeedleSearchTask ? task.batchSize * (chunkSizes.map(cacheBytes).max() ?? 0) : 0
    let length = task is LossTask ? "a smaller --context" : "shorter samples"
    try room.require(
      bytes + caches, remedies: ["a smaller --batch (\(command.batch))", "\(length) (\(task.length))"], in: group)
  }

  private func cacheBytes(_ chunkSize: Int) -> Int {
    model.config.cacheBytes(length: task.length, chunkSize: chunkSize)
  }

  /// Measures at each chunk size; the first rank prints what is found and adds it to the run's directory. All ranks call
  /// it.
  func run(in group: any ProcessGroup) throws {
    let isFirst = group.rank == 0
    let table = EvaluationTable(task)
    if isFirst, !command.json { try Output.print(table.head) }
    let log = isFirst ? EvaluationLog(besideCheckpoint: location.checkpoint.path) : nil
    let share = SharedWork(in: group).share(of: task.batchCount)
    let progress =
      command.quiet || !isFirst ? nil : EvaluationProgressLine("evaluation", batchCount: chunkSizes.count * share)
    defer { progress?.finish() }
    for chunkSize in chunkSizes {
      let shownSize = model.config.chunkSizes == nil ? nil : chunkSize
      let found = try task.measure(chunkSize: chunkSize, cacheBytes: cacheBytes(chunkSize)) {
        progress?.advance(tokenCount: $0, chunkSize: shownSize)
      }
      guard isFirst else { continue }
      progress?.finish()
      let object = object(found, shownSize, cacheBytes: cacheBytes(chunkSize), rankCount: group.size)
      log?.append(object)
      try Output.print(command.json ? object.json(pretty: false) : table.lines(found, shownSize))
    }
  }

  private func object(_ found: Measurement, _ chunkSize: Int?, cacheBytes: Int, rankCount: Int) -> JSONValue {
    let first: JSONValue = ["chunk_size": chunkSize.map(JSONValue.integer) ?? .null, "task": .text(task.name)]
    let last: JSONValue = [
      "cache_bytes": .integer(cacheBytes), "parameters": .integer(model.parameters.count),
      "step": location.checkpoint.state.map { .integer($0.step) } ?? .null, "source": .text(task.source),
      "context": .integer(task.length), "ranks": .integer(rankCount),
    ]
    return .mapping((first.entries ?? []) + found.entries + (last.entries ?? []))
  }
}

/// How an evaluation is printed: what is measured, then lines for each chunk size.
struct EvaluationTable {
  /// The first two lines.
  let head: String
  private let widths: [Int]

  init(_ task: any EvaluationTask) {
    widths = task.columns.map { max($0.count, 8) }
    head = task.caption + "\n" + Self.line("chunk size", task.columns, widths)
  }

  /// - Parameter chunkSize: nil for a model without chunks.
  func lines(_ found: Measurement, _ chunkSize: Int?) -> String {
    let size = chunkSize.map(String.init) ?? Cell.none
    return found.rows.map { Self.line(size, $0, widths) }.joined(separator: "\n")
  }

  private static func line(_ first: String, _ cells: [String], _ widths: [Int]) -> String {
    let padded = zip(cells, widths).map { $0.padded(to: $1) }
    return ([first.padded(to: 10)] + padded).joined(separator: "  ")
  }
}

/// The options of `catlm evaluate` as a task.
struct EvaluationTasks {
  private static let needleSampleCount = 20

  private let command: EvaluateCommand
  private let location: CheckpointLocation
  private let model: any LanguageModel
  private let backend: any Backend
  private let group: any ProcessGroup

  init(
    _ command: EvaluateCommand, location: CheckpointLocation, model: any LanguageModel, backend: any Backend,
    group: any ProcessGroup
  ) {
    self.command = command
    self.location = location
    self.model = model
    self.backend = backend
    self.group = group
  }

  func make() throws -> any EvaluationTask {
    switch command.task {
    case .needle: try needles()
    case .choices: try choices()
    case .mqar, nil: try losses()
    }
  }

  private func tokenizer() throws -> any Tokenizer {
    try location.tokenizer(vocabularySize: model.config.vocabularySize)
  }

  private func losses() throws -> LossTask {
    let source = try EvaluationSource(command, location: location, model: model.config)
    let data = try source.open(batchSize: command.batch)
    try data.requireIDs(below: model.config.vocabularySize)
    // Shards alone may have been made by whatever tokenizer; without the run's nobody knows bytes.
    let byteCounts = source.stride == nil ? nil : (try? tokenizer())?.byteCounts
    return LossTask(
      evaluation: TextEvaluation(model: model, backend: backend, group: group, byteCounts: byteCounts), data: data,
      source: source.name, length: source.length, batchSize: min(command.batch, data.sampleCount),
      stride: source.stride)
  }

  private func needles() throws -> NeedleSearchTask {
    let tokenizer = try tokenizer()
    let haystack = try command.haystack.map { try sentences(of: $0) }
    let task = NeedleTask(command.needle, tokenizer: tokenizer, haystack: haystack)
    let sampleCount = command.samples ?? Self.needleSampleCount
    let longest = model.config.maximumLength
    let lengths = command.lengths?.values ?? [longest]
    let least = task.leastLength(sampleCount: sampleCount)
    for length in lengths where length < least || length > longest {
      throw UserError(
        "--lengths: found \(length), allowed: \(least), which needle, question and answer take, to \(longest), which the "
          + "model takes")
    }
    let evaluation = NeedleEvaluation(
      task, model: model, tokenizer: tokenizer, backend: backend, group: group, lengths: lengths,
      depths: command.depths.values.map { Double($0) / 100 }, sampleCount: sampleCount, batchSize: command.batch)
    return NeedleSearchTask(
      evaluation: evaluation, kind: command.needle, haystack: command.haystack ?? "noise", length: lengths.max() ?? 0,
      sampleCount: sampleCount, batchSize: min(command.batch, sampleCount))
  }

  private func sentences(of path: String) throws -> [String] {
    guard let data = FileManager.default.contents(atPath: path) else {
      throw UserError("--haystack: found \(path), which cannot be read, allowed: a text file")
    }
    let sentences = NeedleTask.sentences(of: String(decoding: data, as: UTF8.self))
    guard !sentences.isEmpty else {
      throw UserError("--haystack: found \(path) without a sentence, allowed: a text file")
    }
    return sentences
  }

  private func choices() throws -> ChoiceTask {
    let path = command.questions ?? ""
    let all = try ChoiceQuestion.read(path)
    let questions = Array(all.prefix(command.samples ?? all.count))
    let evaluation = try ChoiceEvaluation(
      questions, model: model, tokenizer: try tokenizer(), backend: backend, group: group, batchSize: command.batch)
    return ChoiceTask(
      evaluation: evaluation, source: path, questionCount: questions.count, batchSize: command.batch)
  }
}
