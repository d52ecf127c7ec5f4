package import Corpus
internal import Foundation
internal import Settings
package import Tokenizers

/// Turns a corpus into shards: one pass, several threads, memory for a few parts of documents only.
///
/// What comes out does not depend on the number of threads. A job that was stopped goes on behind its last whole shards.
package struct TokenizationJob: Sendable {
  let tokenizer: any Tokenizer
  let files: [CorpusFile]
  let rule: ValidationRule
  /// The key of JSON lines that holds the text.
  let field: String
  /// The id behind each document.
  let endOfDocument: Int32?
  /// Between two documents of a text file; empty if a file is one document.
  let separator: String
  /// Ids of a shard.
  let shardCapacity: Int
  /// Directory and the beginning of the shards' names.
  let prefix: String

  package init(
    tokenizer: any Tokenizer, files: [CorpusFile], rule: ValidationRule, field: String, endOfDocument: Int32?,
    separator: String, shardCapacity: Int, prefix: String
  ) {
    self.tokenizer = tokenizer
    self.files = files
    self.rule = rule
    self.field = field
    self.endOfDocument = endOfDocument
    self.separator = separator
    self.shardCapacity = shardCapacity
    self.prefix = prefix
  }

  package struct Progress {
    /// Stored bytes that were read.
    package var position: Int
    package var totals: TokenizationTotals
  }

  package struct Outcome {
    package var totals: TokenizationTotals
    package var trainingPaths: [String] = []
    package var validationPaths: [String] = []
    /// Shards that were there from an earlier, stopped call.
    package var resumedCount = 0
    /// Whether all was there already.
    package var wasDone = false
  }

  /// Does all of the job.
  ///
  /// - Parameters:
  ///   - threadCount: threads that encode; with 1, the one that calls.
  ///   - show: called after each part.
  package func run(threadCount: Int, show: (Progress) -> Void) throws -> Outcome {
    var state = try TokenizationState(prefix: prefix, job: identity)
    var outcome = Outcome(totals: TokenizationTotals())
    outcome.resumedCount = state.places.values.reduce(0) { $0 + $1.shardCount }
    if let totals = state.totals {
      outcome.totals = totals
      outcome.wasDone = true
      return outcome
    }
    var output = TokenizationOutput(self, state.places)
    let places = state.places
    let pipeline = threadCount > 1 ? makePipeline(threadCount, places) : nil
    defer { pipeline?.close(threadCount: threadCount) }
    let encoder = PartEncoder(self)
    var reader = CorpusPartReader(files, rule: rule, cut: tokenizer.cut, separator: Array(separator.utf8))
    var (submitted, taken) = (0, 0)
    while let part = try reader.next() {
      if let pipeline {
        pipeline.submit(submitted, NumberedPart(number: submitted, part: part))
      } else {
        try output.append(try Self.encode(encoder, part, submitted, places), part: submitted, to: &state)
        taken += 1
      }
      submitted += 1
      // As many parts are in memory as keep all threads busy while this one writes.
      while let pipeline, submitted - taken > 4 * threadCount {
        try output.append(try pipeline.take(taken), part: taken, to: &state)
        taken += 1
      }
      show(Progress(position: reader.storedPosition, totals: output.totals))
    }
    while let pipeline, taken < submitted {
      try output.append(try pipeline.take(taken), part: taken, to: &state)
      taken += 1
    }
    outcome.totals = output.totals
    (outcome.trainingPaths, outcome.validationPaths) = try output.finish()
    guard outcome.totals.tokenCount > 0 else {
      throw CorpusError(files.map(\.path).joined(separator: ", "), found: "no text", allowed: "text")
    }
    try state.finish(outcome.totals)
    return outcome
  }

  private struct NumberedPart: Sendable {
    let number: Int
    let part: CorpusPart
  }

  private func makePipeline(
    _ threadCount: Int, _ places: [TokenSplit: TokenizationState.Place]
  ) -> OrderedPipeline<NumberedPart, EncodedPart> {
    OrderedPipeline(threadCount: threadCount) {
      let encoder = PartEncoder(self)
      return { try Self.encode(encoder, $0.part, $0.number, places) }
    }
  }

  /// Parts before the last finished shard of their split need no ids.
  private static func encode(
    _ encoder: PartEncoder, _ part: CorpusPart, _ number: Int, _ places: [TokenSplit: TokenizationState.Place]
  ) throws -> EncodedPart {
    try encoder.encode(part) { split in places[split].map { number < $0.part } ?? false }
  }

  /// Everything that decides what is in the shards.
  private var identity: Setting {
    let ruleText: String =
      switch rule {
      case .hash(let share): "hash \(share)"
      case .tail(let start): "tail \(start)"
      }
    return [
      "tokenizer": .text(Self.digest(tokenizer.files[TokenizerFile.name] ?? [])), "validation": .text(ruleText),
      "field": .text(field), "end_of_document": endOfDocument.map { .integer(Int($0)) } ?? .null,
      "separator": .text(separator), "shard_tokens": .integer(shardCapacity),
      "files": .list(
        files.map { [.text($0.path), .text($0.kind.rawValue), .integer($0.storedBytes), .integer($0.changeTime)] }),
    ]
  }

  private static func digest(_ bytes: [UInt8]) -> String {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
    return String(hash, radix: 16)
  }
}

/// The shards of both splits.
private struct TokenizationOutput: ~Copyable {
  private(set) var totals = TokenizationTotals()
  private var training: TokenShardWriter
  private var validation: TokenShardWriter
  private var places: [TokenSplit: TokenizationState.Place]
  private let resumed: [TokenSplit: TokenizationState.Place]

  init(_ job: TokenizationJob, _ places: [TokenSplit: TokenizationState.Place]) {
    func writer(_ split: TokenSplit) -> TokenShardWriter {
      TokenShardWriter(
        prefix: job.prefix, split: split, vocabularySize: job.tokenizer.vocabularySize,
        shardCapacity: job.shardCapacity, keepsDocuments: true, finishedCount: places[split]?.shardCount ?? 0)
    }
    training = writer(.training)
    validation = writer(.validation)
    self.places = places
    resumed = places
    totals.trainingTokenCount = (places[.training]?.shardCount ?? 0) * job.shardCapacity
    totals.validationTokenCount = (places[.validation]?.shardCount ?? 0) * job.shardCapacity
  }

  mutating func append(_ part: EncodedPart, part number: Int, to state: inout TokenizationState) throws {
    totals.byteCount += part.byteCount
    totals.replacedCount += part.replacedCount
    if part.beginsDocument { totals.documentCount += 1 }
    var ids = part.ids
    var doneCount = 0
    if let place = resumed[part.split], number <= place.part {
      guard number == place.part else { return }
      doneCount = place.idCount
      ids.removeFirst(doneCount)
    }
    let beginsDocument = part.beginsDocument && doneCount == 0
    let completions: [Int]
    if part.split == .training {
      totals.trainingTokenCount += ids.count
      completions = try training.append(ids, beginsDocument: beginsDocument)
    } else {
      totals.validationTokenCount += ids.count
      completions = try validation.append(ids, beginsDocument: beginsDocument)
    }
    for count in completions {
      let shardCount = (places[part.split]?.shardCount ?? 0) + 1
      let place = TokenizationState.Place(shardCount: shardCount, part: number, idCount: doneCount + count)
      places[part.split] = place
      try state.note(place, of: part.split)
    }
  }

  consuming func finish() throws -> (training: [String], validation: [String]) {
    (try training.finish(), try validation.finish())
  }
}
