import Checkpoints
import Foundation
import JSON
import Settings
import TokenData
import Tokenizers

/// A checkpoint that the user named: its own directory, or a run directory that holds some.
struct CheckpointLocation {
  let checkpoint: CheckpointDirectory
  /// The run that made the checkpoint, if it says so.
  let run: Run?

  /// What a run's configuration says to those who use its model.
  struct Run {
    /// Every key with its value.
    let resolved: JSONValue
    let data: DataConfig
    /// The chunk sizes of its training; nil where it names none.
    let chunkSizes: [Int]?

    /// - Parameter path: the resolved configuration that the checkpoint carries.
    init(path: String) throws(JSONError) {
      let file = try RunFile(path: path, overrides: [])
      resolved = file.root
      do {
        data = try DataConfig(file.reader().section("data"))
      } catch {
        throw file.attributed(error)
      }
      chunkSizes = resolved["train"]?["chunk_sizes"]?.listValue?.compactMap(\.integerValue)
    }
  }

  /// - Parameter isSilent: whether another rank says what was passed over.
  /// - Throws: ``CheckpointError`` if nothing intact is there.
  init(_ path: String, isSilent: Bool = false) throws {
    checkpoint = try CheckpointDirectory.named(path) { place, reason in
      if isSilent { return }
      FileHandle.standardError.write(Data("catlm: passed over \(place): \(reason)\n".utf8))
    }
    let configuration = checkpoint.path + "/" + CheckpointDirectory.runConfigName
    run = FileManager.default.fileExists(atPath: configuration) ? try Run(path: configuration) : nil
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
