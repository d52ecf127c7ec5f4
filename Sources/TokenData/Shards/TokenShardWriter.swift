/// Which part of a data set a shard belongs to; it shows in the shard's name.
package enum TokenSplit: String, CaseIterable, Sendable {
  case training = "train"
  case validation = "val"
}

/// Writes ids, as they come, to shards `PREFIX_train_000000.bin`, `PREFIX_train_000001.bin` and so on.
///
/// A shard appears under its name when it is complete; until then it has a temporary one. Ids take 16 bits if the
/// vocabulary allows it, 32 otherwise.
package struct TokenShardWriter: ~Copyable {
  private let prefix: String
  private let split: TokenSplit
  private let vocabularySize: Int
  private let shardCapacity: Int
  private let keepsDocuments: Bool
  private var shard: ShardFile?
  private var paths: [String] = []

  /// - Parameters:
  ///   - prefix: the directory, which must exist, and the beginning of the names.
  ///   - shardCapacity: the most ids that a shard holds.
  ///   - keepsDocuments: whether the places where documents begin are written beside each shard.
  ///   - finishedCount: shards that an earlier writer has finished.
  package init(
    prefix: String, split: TokenSplit, vocabularySize: Int, shardCapacity: Int = 100_000_000,
    keepsDocuments: Bool = false, finishedCount: Int = 0
  ) {
    precondition(shardCapacity > 0 && shardCapacity <= Int(Int32.max), "shards of \(shardCapacity) ids")
    self.prefix = prefix
    self.split = split
    self.vocabularySize = vocabularySize
    self.shardCapacity = shardCapacity
    self.keepsDocuments = keepsDocuments
    paths = (0..<finishedCount).map { Self.path(prefix, split, $0) }
  }

  /// Writes one shard with all of `ids`.
  package static func write(_ ids: [Int32], vocabularySize: Int, to path: String) throws(TokenError) {
    let file = try ShardFile(path: path, vocabularySize: vocabularySize)
    try file.append(ids[...])
    try file.commit()
  }

  /// Adds ids.
  ///
  /// - Parameter beginsDocument: whether a document begins with the first of them.
  /// - Returns: how many of them were written when each shard that they completed was full.
  @discardableResult
  package mutating func append(_ ids: [Int32], beginsDocument: Bool = false) throws(TokenError) -> [Int] {
    var rest = ids[...]
    var completions: [Int] = []
    while !rest.isEmpty {
      let current = if let shard { shard } else { try nextShard() }
      if beginsDocument, rest.count == ids.count { current.beginDocument() }
      let part = rest.prefix(shardCapacity - current.count)
      try current.append(part)
      rest = rest.dropFirst(part.count)
      if current.count == shardCapacity {
        try current.commit()
        shard = nil
        completions.append(ids.count - rest.count)
      } else {
        shard = current
      }
    }
    return completions
  }

  /// Completes the last shard.
  ///
  /// - Returns: the paths of all shards, in order.
  package consuming func finish() throws(TokenError) -> [String] {
    try shard?.commit()
    return paths
  }

  private mutating func nextShard() throws(TokenError) -> ShardFile {
    let path = Self.path(prefix, split, paths.count)
    let file = try ShardFile(path: path, vocabularySize: vocabularySize, keepsDocuments: keepsDocuments)
    paths.append(path)
    return file
  }

  private static func path(_ prefix: String, _ split: TokenSplit, _ number: Int) -> String {
    let number = String(number)
    let digits = String(repeating: "0", count: max(0, 6 - number.count)) + number
    return "\(prefix)_\(split.rawValue)_\(digits).bin"
  }
}
