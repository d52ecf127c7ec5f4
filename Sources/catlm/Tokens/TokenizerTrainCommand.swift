import ArgumentParser
import Corpus
import Foundation
import JSON
import Telemetry
import TokenData
import Tokenizers

extension TokenizerCommand {
  struct Train: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Trains a byte-level BPE of one's own on texts.",
      discussion: """
        Reads what catlm tokenize reads. Writes OUTPUT/tokenizer.json, which the tokenizers package loads, and \
        OUTPUT/tokenizer_config.json for AutoTokenizer; both when training is over. The result does not depend on the \
        number of threads; on the same text it has the vocabulary and the merges that the trainer of the tokenizers \
        package finds (BpeTrainer with ByteLevel, its alphabet and the same special tokens).

        As train(files) of that package does, text files are split line by line, JSON lines document by document. With \
        --whole-documents, text files are as well, as train_from_iterator of that package does; llama3 and qwen, whose \
        pieces may hold several newlines, want it.

        Memory grows with the different pieces, not with the text; of more than \
        \(Format.count(TokenizerTraining.mostPieces)) the rarest are forgotten, which the summary says.

        Example: catlm tokenizer train --vocabulary 32768 --output data/tokenizer input.txt
        """)

    @Option(help: "Tokens: special ones, 256 bytes, and one a merge.")
    var vocabulary = 32768

    @Option(help: "Directory for the tokenizer; made if it is not there.")
    var output = "tokenizer"

    @Option(help: "How texts are split into pieces that no token spans.")
    var pieces = TokenizerRecipe.Pieces.gpt2

    @Option(
      help: """
        A text that is a token as a whole; may be given again, or none. <|endoftext|> or another that is known for it ends \
        documents, else the first.
        """)
    var special = ["<|endoftext|>"]

    @Option(name: .customLong("minimum-count"), help: "Least times that two tokens occur together to be merged.")
    var minimumCount = 2

    @Option(help: "Key of JSON lines that holds the text; all files are JSON lines then.")
    var field: String?

    @Option(help: "What stands between two documents of a text file.")
    var separator: String?

    @Flag(name: .customLong("whole-documents"), help: "Split text files document by document, not line by line.")
    var splitsDocuments = false

    @OptionGroup var threads: ThreadsOption

    @Flag(help: "One JSON object on standard output.")
    var json = false

    @Argument(help: "Files, directories or patterns; - is standard input.")
    var files: [String]

    private var specialTexts: [String] { special == ["none"] ? [] : special }
    private var path: String { output + "/" + TokenizerFile.name }

    func validate() throws {
      try OptionCheck.require("--vocabulary", vocabulary, in: 256 + Set(specialTexts).count...1 << 22)
      try OptionCheck.require("--minimum-count", minimumCount, in: 0...)
      guard !special.contains("") else { throw OptionCheck.error("--special", found: "nothing", allowed: "text") }
      guard separator != "" else { throw OptionCheck.error("--separator", found: "nothing", allowed: "text") }
    }

    func run() throws {
      let recipe = TokenizerRecipe(
        vocabularySize: vocabulary, pieces: pieces, special: specialTexts, minimumCount: minimumCount)
      let files = try CorpusFile.expand(files, areLines: field != nil)
      guard !FileManager.default.fileExists(atPath: path) else {
        throw UserError("\(path): there already; remove it or give another --output")
      }
      try makeDirectory()
      let training = TokenizerTraining(
        recipe, files: files, field: field ?? "text", separator: separator ?? "", splitsLines: !splitsDocuments)
      let progress = TokenizerTrainProgress(
        totalBytes: files.reduce(0) { $0 + $1.storedBytes }, vocabularySize: vocabulary)
      let outcome = try training.run(threadCount: threads.count, show: progress.show)
      progress.finish()
      try write(outcome.tokenizer)
      try report(outcome, seconds: progress.seconds)
    }

    private func makeDirectory() throws {
      do {
        try FileManager.default.createDirectory(atPath: output, withIntermediateDirectories: true)
      } catch {
        throw UserError("\(output): the directory cannot be made: \(error.localizedDescription)")
      }
    }

    /// Writes `tokenizer.json` last: where it is, the tokenizer is whole.
    private func write(_ tokenizer: TrainedTokenizer) throws {
      for (name, bytes) in tokenizer.files.sorted(by: { $0.key > $1.key }) {
        do {
          try Data(bytes).write(to: URL(filePath: output + "/" + name), options: .atomic)
        } catch {
          throw UserError("\(output)/\(name): cannot be written: \(error.localizedDescription)")
        }
      }
    }

    private func report(_ outcome: TokenizerTraining.Outcome, seconds: Double) throws {
      let (size, merges) = (outcome.tokenizer.vocabularySize, outcome.tokenizer.mergeCount)
      guard !json else {
        let object: JSONValue = [
          "tokenizer": .text(path), "vocabulary_size": .integer(size), "merges": .integer(merges),
          "bytes": .integer(outcome.byteCount), "different_pieces": .integer(outcome.pieceCount),
          "rare_pieces_forgotten": .flag(outcome.wasPruned), "seconds": .number(seconds),
        ]
        return try Output.print(object.json())
      }
      try Output.print(
        "\(path): \(size) tokens, \(merges) merges, from \(Format.bytes(outcome.byteCount)) of text with "
          + "\(Format.grouped(outcome.pieceCount)) different pieces, in \(Format.fixed(seconds, digits: 1)) s")
      if size < vocabulary {
        try Output.print("fewer than \(vocabulary): no other two tokens are together \(max(1, minimumCount)) times")
      }
      if outcome.wasPruned {
        try Output.print(
          "the rarest pieces were forgotten: more than \(Format.grouped(TokenizerTraining.mostPieces)) were different")
      }
    }
  }
}

extension TokenizerRecipe.Pieces: ExpressibleByArgument {}

/// Shows how far a training is: on a terminal in a line that is rewritten, elsewhere in a line every ten seconds.
private final class TokenizerTrainProgress {
  private let totalBytes: Int
  private let vocabularySize: Int
  private let console = Console.standardError
  private let start = ContinuousClock.now
  private var shownAt: ContinuousClock.Instant
  /// When merges began, and how many tokens there were.
  private var merging: (start: ContinuousClock.Instant, tokenCount: Int)?

  init(totalBytes: Int, vocabularySize: Int) {
    self.totalBytes = totalBytes
    self.vocabularySize = vocabularySize
    shownAt = start
  }

  /// Since the beginning.
  var seconds: Double { (ContinuousClock.now - start) / .seconds(1) }

  func show(_ progress: TokenizerTraining.Progress) {
    let now = ContinuousClock.now
    if case .merging(let tokenCount) = progress, merging == nil { merging = (now, tokenCount) }
    guard now - shownAt >= (console.isTerminal ? .milliseconds(200) : .seconds(10)) else { return }
    shownAt = now
    let fields =
      switch progress {
      case .reading(let position, let byteCount): readingFields(position, byteCount)
      case .merging(let tokenCount): mergingFields(tokenCount, at: now)
      }
    let line = "tokenizer train  " + fields.joined(separator: "  ")
    if console.isTerminal { console.show(status: line) } else { console.print(line) }
  }

  private func readingFields(_ position: Int, _ byteCount: Int) -> [String] {
    let rate = "\(Format.bytes(Int(Double(byteCount) / seconds)))/s"
    let fields = ["\(Format.bytes(byteCount)) of text", rate]
    guard totalBytes > 0, position > 0 else { return fields }
    let share = min(1, Double(position) / Double(totalBytes))
    return fields + ["left \(Format.duration(.seconds(seconds / share * (1 - share)))), then merges"]
  }

  private func mergingFields(_ tokenCount: Int, at now: ContinuousClock.Instant) -> [String] {
    let fields = ["\(tokenCount)/\(vocabularySize) tokens"]
    guard let merging, tokenCount > merging.tokenCount else { return fields }
    let rate = Double(tokenCount - merging.tokenCount) / max(1e-3, (now - merging.start) / .seconds(1))
    let left = Duration.seconds(Double(vocabularySize - tokenCount) / rate)
    return fields + ["\(Format.count(rate)) tokens/s", "left \(Format.duration(left))"]
  }

  func finish() { console.endStatus() }
}
