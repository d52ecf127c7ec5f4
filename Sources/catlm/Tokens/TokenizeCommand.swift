import ArgumentParser
import Corpus
import Foundation
import JSON
import Parallel
import Telemetry
import TokenData
import Tokenizers

struct TokenizeCommand: RankedCommand {
  static let configuration = CommandConfiguration(
    commandName: "tokenize",
    abstract: "Turns texts into token shards for training and validation.",
    discussion: """
      Reads text, JSON lines (names that end in .jsonl or .ndjson, or --field), both also with gzip or zstd, from files, \
      directories, patterns and standard input (-). Writes OUTPUT/NAME_train_000000.bin and OUTPUT/NAME_val_000000.bin \
      and so on, in the format of llm.c; beside each, where its documents begin (.documents, a NumPy array of 64-bit \
      integers). Memory does not grow with the text. A call that was stopped goes on behind its last whole shard when it \
      is given again.

      Under mpirun or srun, all ranks read the files, each turns its share of the text into ids, and the first writes; \
      standard input and pipes are read by the first rank alone. The shards do not depend on the numbers of ranks and \
      threads.

      A document is a JSON line, a text file, or what lies between two --separator of a text file; its ids end with the \
      tokenizer's end-of-document id, where it has one. Validation are documents whose hash falls into the share; of \
      fewer than 20 text files without a separator, it is the last part of all text.

      Example: catlm tokenize --tokenizer bytes --output data/shakespeare input.txt
      """)

  @Option(help: "bytes (every byte is a token, 256 ids), or the path of a tokenizer.json or of its directory.")
  var tokenizer = "bytes"

  @Option(help: "Directory for the shards; made if it is not there.")
  var output: String

  @Option(help: "Name that the shards begin with.")
  var name = "tokens"

  @Option(name: .customLong("validation-share"), help: "Share of the text that is kept for validation.")
  var validationShare = 0.1

  @Option(help: "Key of JSON lines that holds the text; all files are JSON lines then.")
  var field: String?

  @Option(help: "What stands between two documents of a text file.")
  var separator: String?

  @Option(
    name: .customLong("end-of-document"),
    help: "Token behind each document, or none; by default the tokenizer's own, if it has one.")
  var endOfDocument: String?

  @Option(name: .customLong("shard-tokens"), help: "Most ids in a shard.")
  var shardTokens = 100_000_000

  @OptionGroup var threads: ThreadsOption

  @Flag(help: "One JSON object on standard output.")
  var json = false

  @Argument(help: "Files, directories or patterns; - is standard input.")
  var files: [String]

  func validate() throws {
    guard (0..<1).contains(validationShare) else {
      throw OptionCheck.error("--validation-share", found: "\(validationShare)", allowed: "0 to below 1")
    }
    guard !name.isEmpty, !name.contains("/"), !name.hasPrefix(".") else {
      throw OptionCheck.error(
        "--name", found: "\"\(name)\"", allowed: "a name without / that does not begin with a dot")
    }
    try OptionCheck.require("--shard-tokens", shardTokens, in: 1...Int(Int32.max))
    guard separator != "" else { throw OptionCheck.error("--separator", found: "nothing", allowed: "text") }
  }

  func run() throws {
    try Ranks.run { group in
      let (job, files) = try Ranks.prepare(on: group) { try makeJob() }
      let threadCount = try Host.threadCount(setting: threads.threads, group: group)
      // What has no size can be read but once.
      let isShared = group.size > 1 && files.allSatisfy { $0.storedBytes > 0 }
      guard isShared || group.rank == 0 else { return }
      if group.rank == 0 { try prepareDirectory() }
      TemporaryFiles.removeOnSignals()
      let progress = TokenizeProgress(totalBytes: files.reduce(0) { $0 + $1.storedBytes }, isShown: group.rank == 0)
      let outcome =
        isShared
        ? try job.run(threadCount: threadCount, ranks: TokenizingRanks(group: group), show: progress.show)
        : try job.run(threadCount: threadCount, show: progress.show)
      progress.finish()
      if let outcome { try report(outcome) }
    }
  }

  private func makeJob() throws -> (TokenizationJob, [CorpusFile]) {
    let tokenizer = try loadTokenizer()
    let files = try CorpusFile.expand(files, areLines: field != nil)
    let job = TokenizationJob(
      tokenizer: tokenizer, files: files, rule: try validationRule(files), field: field ?? "text",
      endOfDocument: try endID(tokenizer), separator: separator ?? "", shardCapacity: shardTokens,
      prefix: output + "/" + name)
    return (job, files)
  }

  private func prepareDirectory() throws {
    do {
      try FileManager.default.createDirectory(atPath: output, withIntermediateDirectories: true)
    } catch {
      throw UserError("\(output): the directory cannot be made: \(error.localizedDescription)")
    }
    try refuseOldShards()
  }

  private func loadTokenizer() throws -> any Tokenizer {
    do {
      return try TokenizerChoice(tokenizer).load()
    } catch {
      guard error.key.hasPrefix(tokenizer) else { throw error }
      throw OptionCheck.error("--tokenizer", found: "\(tokenizer), which is not there", allowed: error.allowed)
    }
  }

  private func endID(_ tokenizer: any Tokenizer) throws -> Int32? {
    guard let endOfDocument else { return tokenizer.endOfDocument }
    guard endOfDocument != "none" else { return nil }
    guard let id = (tokenizer as? BPETokenizer)?.addedToken(endOfDocument) else {
      throw OptionCheck.error(
        "--end-of-document", found: "\"\(endOfDocument)\"", allowed: "an added token of the tokenizer, or none")
    }
    return id
  }

  private func validationRule(_ files: [CorpusFile]) throws -> ValidationRule {
    let areFew = files.count < 20 && separator == nil && files.allSatisfy { $0.kind == .text }
    guard areFew, validationShare > 0 else { return .hash(share: validationShare) }
    var byteCount = 0
    for file in files {
      guard file.storedBytes > 0 || (try? Data(contentsOf: URL(filePath: file.path)))?.isEmpty == true else {
        throw UserError(
          "\(file.isStandardInput ? "standard input" : file.path): one document whose length is not known has no last"
            + " part; allowed: --validation-share 0, --separator or --field")
      }
      byteCount += try file.contentBytes()
    }
    return .tail(start: Int(Double(byteCount) * (1 - validationShare)))
  }

  private func report(_ outcome: TokenizationJob.Outcome) throws {
    let totals = outcome.totals
    warnOfEmptySplit(totals)
    guard !json else { return try Output.print(totals.setting.json()) }
    if outcome.wasDone { try Output.print("\(output): all shards are there already") }
    if outcome.resumedCount > 0, !outcome.wasDone {
      try Output.print("went on behind \(counted(outcome.resumedCount, "shard")) that were there before")
    }
    for (paths, count) in [
      (outcome.trainingPaths, totals.trainingTokenCount), (outcome.validationPaths, totals.validationTokenCount),
    ] where !paths.isEmpty {
      try Output.print("\(paths.joined(separator: ", ")): \(counted(count, "token"))")
    }
    let ratio = Format.fixed(Double(totals.byteCount) / Double(max(1, totals.tokenCount)), digits: 2)
    try Output.print(
      "\(counted(totals.documentCount, "document")), \(counted(totals.tokenCount, "token")), \(ratio) bytes a token")
    if totals.replacedCount > 0 {
      try Output.print("\(totals.replacedCount) halves of surrogate pairs in JSON became U+FFFD")
    }
  }

  /// Says that one of the splits came out empty, which is seldom meant.
  private func warnOfEmptySplit(_ totals: TokenizationTotals) {
    let name: String
    if totals.trainingTokenCount == 0 {
      name = "training"
    } else if totals.validationTokenCount == 0, validationShare > 0 {
      name = "validation"
    } else {
      return
    }
    Console.standardError.print(
      "tokenize: no \(name) shard: \(counted(totals.documentCount, "document")) of \(counted(totals.byteCount, "byte")) "
        + "left nothing for it at --validation-share \(validationShare)")
  }

  private func counted(_ count: Int, _ noun: String) -> String { "\(count) \(noun)\(count == 1 ? "" : "s")" }

  /// Shards of another call beside the new ones would be trained on as well.
  private func refuseOldShards() throws {
    let entries = (try? FileManager.default.contentsOfDirectory(atPath: output)) ?? []
    guard !entries.contains("\(name)_tokens.json") else { return }
    let old = entries.sorted().first { $0.hasSuffix(".bin") || $0.hasSuffix(".npy") }
    if let old { throw UserError("\(output)/\(old): there already; remove the old shards or give another --output") }
  }
}

/// The ranks of the launcher.
private struct TokenizingRanks: TokenizationRanks {
  let group: any ProcessGroup

  var rank: Int { group.rank }
  var size: Int { group.size }

  func allGather(_ text: String) throws -> [String] { try group.allGather(text) }

  /// Sends the number of the words, then the words.
  func send(_ words: [Int32], to rank: Int) throws {
    try unsafe [Int64(words.count)].withUnsafeBytes { bytes in try unsafe group.send(bytes, to: rank) }
    try unsafe words.withUnsafeBytes { bytes in try unsafe group.send(bytes, to: rank) }
  }

  func receive(from rank: Int) throws -> [Int32] {
    var count: [Int64] = [0]
    try unsafe count.withUnsafeMutableBytes { bytes in try unsafe group.receive(bytes, from: rank) }
    var words = [Int32](repeating: 0, count: Int(count[0]))
    try unsafe words.withUnsafeMutableBytes { bytes in try unsafe group.receive(bytes, from: rank) }
    return words
  }
}

/// Shows how far tokenization is: on a terminal in a line that is rewritten, elsewhere in a line every ten seconds.
private final class TokenizeProgress {
  private let totalBytes: Int
  private let isShown: Bool
  private let console = Console.standardError
  private let start = ContinuousClock.now
  private var shownAt: ContinuousClock.Instant

  init(totalBytes: Int, isShown: Bool) {
    self.totalBytes = totalBytes
    self.isShown = isShown
    shownAt = start
  }

  func show(_ progress: TokenizationJob.Progress) {
    let now = ContinuousClock.now
    guard isShown, now - shownAt >= (console.isTerminal ? .milliseconds(200) : .seconds(10)) else { return }
    shownAt = now
    let seconds = (now - start) / .seconds(1)
    var fields = [
      "\(Format.bytes(progress.totals.byteCount)) of text", "\(Format.count(progress.totals.tokenCount)) tokens",
      "\(Format.bytes(Int(Double(progress.totals.byteCount) / seconds)))/s",
    ]
    if totalBytes > 0, progress.position > 0 {
      let share = min(1, Double(progress.position) / Double(totalBytes))
      fields.append("left \(Format.duration(.seconds(seconds / share * (1 - share))))")
    }
    let line = "tokenize  " + fields.joined(separator: "  ")
    if console.isTerminal { console.show(status: line) } else { console.print(line) }
  }

  func finish() { console.endStatus() }
}
