import Foundation
import TokenData
import Tokenizers

/// A text file as a token shard that is gone when nobody reads it any more.
enum TextShard {
  /// Calls `body` with the path of a temporary shard. A shard that is open stays readable afterwards.
  ///
  /// - Parameter length: tokens of a sample; the text must fill one.
  static func with<Result>(
    _ path: String, tokenizer: any Tokenizer, length: Int, _ body: (String) throws -> Result
  ) throws -> Result {
    guard let text = FileManager.default.contents(atPath: path) else {
      throw UserError("\(path): cannot be read")
    }
    let ids = tokenizer.encode(Array(text))
    guard ids.count > length else {
      throw UserError("\(path): found \(ids.count) tokens, allowed: at least \(length + 1)")
    }
    let shard = NSTemporaryDirectory() + "/catlm-\(UUID().uuidString).bin"
    try TokenShardWriter.write(
      ids, vocabularySize: tokenizer.vocabularySize, to: shard)
    defer { try? FileManager.default.removeItem(atPath: shard) }
    return try body(shard)
  }
}
