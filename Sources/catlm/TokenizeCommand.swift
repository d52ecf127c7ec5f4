import ArgumentParser
import Foundation
import TokenData
import Tokenizers

struct TokenizeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tokenize",
    abstract: "Turns text files into token shards for training and validation.",
    discussion: """
      Writes OUTPUT/NAME_train_000000.bin and OUTPUT/NAME_val_000000.bin, in the format of llm.c. The files are read \
      as one text, in the given order; its last part is for validation.

      Example: catlm tokenize --tokenizer bytes --output data/shakespeare input.txt
      """)

  enum TokenizerChoice: String, ExpressibleByArgument, CaseIterable {
    case bytes
  }

  @Option(help: "bytes: every byte is a token, 256 ids.")
  var tokenizer = TokenizerChoice.bytes

  @Option(help: "Directory for the shards; made if it is not there.")
  var output: String

  @Option(help: "Name that the shards begin with.")
  var name = "tokens"

  @Option(name: .customLong("validation-share"), help: "Share of the text that is kept for validation.")
  var validationShare = 0.1

  @Argument(help: "Text files.")
  var files: [String]

  func validate() throws {
    guard (0..<1).contains(validationShare) else {
      throw OptionCheck.error("--validation-share", found: "\(validationShare)", allowed: "0 to below 1")
    }
  }

  func run() throws {
    let tokenizer = ByteTokenizer()
    var ids: [Int32] = []
    for file in files {
      guard let text = FileManager.default.contents(atPath: file) else { throw UserError("\(file): cannot be read") }
      ids += tokenizer.encode(Array(text))
    }
    guard !ids.isEmpty else { throw UserError("\(files.joined(separator: ", ")): found no text") }
    let trainingCount = Int(Double(ids.count) * (1 - validationShare))
    let prefix = output + "/" + name
    do {
      try FileManager.default.createDirectory(atPath: output, withIntermediateDirectories: true)
    } catch {
      throw UserError("\(output): the directory cannot be made: \(error.localizedDescription)")
    }
    try refuseOldShards()
    for (split, part) in [(TokenSplit.training, ids[..<trainingCount]), (.validation, ids[trainingCount...])]
    where !part.isEmpty {
      var writer = TokenShardWriter(prefix: prefix, split: split, vocabularySize: tokenizer.vocabularySize)
      try writer.append(Array(part))
      let paths = try writer.finish()
      try Output.print("\(paths.joined(separator: ", ")): \(part.count) tokens")
    }
  }

  /// Shards of an earlier call beside the new ones would be trained on as well.
  private func refuseOldShards() throws {
    let entries = (try? FileManager.default.contentsOfDirectory(atPath: output)) ?? []
    let old = entries.sorted().first { $0.hasSuffix(".bin") || $0.hasSuffix(".npy") }
    if let old { throw UserError("\(output)/\(old): there already; remove the old shards or give another --output") }
  }
}
