package import Corpus
internal import Foundation
internal import JSON
package import Tokenizers

/// Turns a corpus into shards: one pass, several threads and ranks, memory for a few parts of documents only.
///
/// What comes out does not depend on the number of threads, nor of ranks. A job that was stopped goes on behind its last whole shards.
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
  ///   - show: called after each batch of parts.
  package func run(threadCount: Int, show: (Progress) -> Void) throws -> Outcome {
    try write(TokenizationState(prefix: prefix, job: identity), threadCount: threadCount, ranks: nil, show)
  }

  /// Does the job with other ranks, all of which call this: all encode, the first writes.
  ///
  /// - Returns: the outcome, on the first rank.
  package func run(
    threadCount: Int, ranks: any TokenizationRanks, show: (Progress) -> Void
  ) throws -> Outcome? {
    guard ranks.rank == 0 else {
      let start = try agree(with: ranks, start: .null)
      if start["is_done"] != true {
        try help(TokenizationState.places(of: start["places"]), threadCount: threadCount, ranks)
      }
      return nil
    }
    let state = try TokenizationState(prefix: prefix, job: identity)
    let start: JSONValue = [
      "is_done": .flag(state.totals != nil), "places": TokenizationState.setting(of: state.places),
    ]
    _ = try agree(with: ranks, start: start)
    return try write(state, threadCount: threadCount, ranks: ranks, show)
  }

  private func write(
    _ start: TokenizationState, threadCount: Int, ranks: (any TokenizationRanks)?, _ show: (Progress) -> Void
  ) throws -> Outcome {
    var state = start
    var outcome = Outcome(totals: TokenizationTotals())
    outcome.resumedCount = state.places.values.reduce(0) { $0 + $1.shardCount }
    if let totals = state.totals {
      outcome.totals = totals
      outcome.wasDone = true
      return outcome
    }
    var output = TokenizationOutput(self, state.places)
    let batches = EncodedBatches(self, state.places, threadCount: threadCount, ranks: ranks)
    while let (firstPart, batch) = try batches.next() {
      for (offset, part) in batch.parts.enumerated() { try output.append(part, part: firstPart + offset, to: &state) }
      if let failure = batch.failure { throw failure }
      show(Progress(position: batches.storedPosition, totals: output.totals))
    }
    outcome.totals = output.totals
    (outcome.trainingPaths, outcome.validationPaths) = try output.finish()
    guard outcome.totals.tokenCount > 0 else {
      throw CorpusError(files.map(\.path).joined(separator: ", "), found: "no text", allowed: "text")
    }
    try state.finish(outcome.totals)
    return outcome
  }

  // MARK: Ranks

  /// What the first rank begins with, on all ranks.
  ///
  /// - Throws: ``TokenError`` on all ranks if they were not given the same work.
  private func agree(with ranks: any TokenizationRanks, start: JSONValue) throws -> JSONValue {
    let own: JSONValue = ["work": work(withTimes: false), "start": start]
    let all = try ranks.allGather(own.json()).map { try JSONValue(json: $0) }
    for (rank, other) in all.enumerated() {
      let differences = (all[0]["work"] ?? .null).differences(from: other["work"] ?? .null)
      guard differences.isEmpty else {
        throw TokenError(
          file: "rank \(rank)",
          found: "other work than rank 0 has: \(differences.map(\.key).joined(separator: ", ")) differ",
          allowed: "the same files and options on all ranks")
      }
    }
    return all[0]["start"] ?? .null
  }

  /// Encodes for the first rank. A failure is told to it, and it is for it to say so and to end all.
  private func help(
    _ places: [TokenSplit: TokenizationState.Place], threadCount: Int, _ ranks: any TokenizationRanks
  ) throws {
    let batches = EncodedBatches(self, places, threadCount: threadCount, ranks: ranks)
    do {
      while let (_, batch) = try batches.next() {
        try ranks.send(EncodedMessage.words(batch), to: 0)
        if batch.failure != nil { return }
      }
    } catch let error as CorpusError {
      try ranks.send(EncodedMessage.words(EncodedBatch(failure: error)), to: 0)
    }
  }

  func makeReader() -> CorpusPartReader {
    CorpusPartReader(files, rule: rule, cut: tokenizer.cut, separator: Array(separator.utf8))
  }

  /// Everything that decides what is in the shards.
  private var identity: JSONValue { work(withTimes: true) }

  /// - Parameter withTimes: whether a file that was changed is another one.
  private func work(withTimes: Bool) -> JSONValue {
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
        files.map { file in
          .list(
            [.text(file.path), .text(file.kind.rawValue), .integer(file.storedBytes)]
              + (withTimes ? [.integer(file.changeTime)] : []))
        }),
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
