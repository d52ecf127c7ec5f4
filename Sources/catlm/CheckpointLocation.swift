import Checkpoints
import Foundation
import Settings
import TokenData
import Tokenizers
import Training

/// A checkpoint that the user named: its own directory, or a run directory that holds some.
struct CheckpointLocation {
  let checkpoint: CheckpointDirectory
  /// The run's resolved configuration, if the checkpoint carries one.
  let run: RunConfig?

  /// - Throws: ``CheckpointError`` if nothing intact is there.
  init(_ path: String) throws {
    checkpoint = try CheckpointDirectory.named(path) { place, reason in
      FileHandle.standardError.write(Data("catlm: passed over \(place): \(reason)\n".utf8))
    }
    let configuration = checkpoint.path + "/" + RunConfig.fileInCheckpoint
    run =
      FileManager.default.fileExists(atPath: configuration)
      ? try RunConfig(RunFile(path: configuration, overrides: [])) : nil
  }

  /// The tokenizer of the data that the model was trained on, which lies beside the model; bytes for a model without a
  /// run and with 256 ids.
  func tokenizer(vocabularySize: Int) throws -> any Tokenizer {
    let fallback = run == nil && vocabularySize == 256 ? TokenizerChoice.bytes : nil
    let file = checkpoint.path + "/" + TokenizerFile.name
    let beside = FileManager.default.fileExists(atPath: file) ? TokenizerChoice.file(file) : nil
    let choice = run?.data.tokenizer == .bytes ? .bytes : beside ?? run?.data.tokenizer ?? fallback
    guard let tokenizer = try choice?.load() else {
      throw UserError("\(checkpoint.path): its run names no tokenizer (data.tokenizer), so text has no ids")
    }
    guard tokenizer.vocabularySize <= vocabularySize else {
      throw UserError(
        "\(checkpoint.path): the tokenizer has \(tokenizer.vocabularySize) ids, the model's vocabulary \(vocabularySize)"
      )
    }
    return tokenizer
  }
}
