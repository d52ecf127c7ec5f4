/// Windows of equal length over token shards.
///
/// A window is T + 1 ids: T inputs, and the T ids that follow them as targets. Windows begin every T ids of a shard, so
/// each id is a target once; none spans two shards, and what is left at a shard's end is not used.
package struct TokenDataset: Sendable {
  /// T.
  package let context: Int
  package let shards: [TokenShard]
  /// Number of windows.
  package let sampleCount: Int
  /// Windows before each shard.
  private let starts: [Int]

  /// - Parameters:
  ///   - paths: files, directories or patterns, as ``ShardPaths`` takes them.
  ///   - context: T.
  ///   - split: which files of a directory count.
  ///   - format: of all files.
  /// - Throws: ``TokenError`` for a file that cannot be used, and if no shard holds a window.
  package init(
    paths: [String], context: Int, split: TokenSplit? = nil, format: FormatChoice = .auto
  ) throws(TokenError) {
    precondition(context > 0, "dataset: context \(context)")
    var shards: [TokenShard] = []
    var starts: [Int] = []
    var sampleCount = 0
    for path in try ShardPaths.expand(paths, split: split) {
      let shard = try TokenShard(path: path, format: format)
      shards.append(shard)
      starts.append(sampleCount)
      sampleCount += max(0, shard.count - 1) / context
    }
    guard sampleCount > 0 else {
      throw TokenError(
        file: paths.joined(separator: ", "),
        found: "at most \(shards.map(\.count).max() ?? 0) ids in a file, in \(shards.count) files",
        allowed: "a file of \(context + 1) ids or more, for a context of \(context)")
    }
    self.context = context
    self.shards = shards
    self.starts = starts
    self.sampleCount = sampleCount
  }

  /// The windows with these numbers, `[indices.count, T]`.
  package func batch(indices: [Int]) -> TokenBatch {
    var inputs: [Int32] = []
    var targets: [Int32] = []
    inputs.reserveCapacity(indices.count * context)
    targets.reserveCapacity(indices.count * context)
    for index in indices { append(window: index, inputs: &inputs, targets: &targets) }
    return TokenBatch(inputs: inputs, targets: targets, sampleCount: indices.count, length: context)
  }

  /// Adds a window: T inputs and T targets.
  func append(window index: Int, inputs: inout [Int32], targets: inout [Int32]) {
    let ids = window(index)
    inputs += ids.dropLast()
    targets += ids.dropFirst()
  }

  /// Ids of all shards.
  package var tokenCount: Int { shards.reduce(0) { $0 + $1.count } }

  /// Checks every id of every shard against a model's vocabulary. Reads all data.
  package func requireIDs(below vocabularySize: Int) throws(TokenError) {
    for shard in shards { try shard.requireIDs(below: vocabularySize) }
  }

  /// The T + 1 ids of one window.
  private func window(_ index: Int) -> [Int32] {
    precondition(index >= 0 && index < sampleCount, "dataset: window \(index) of \(sampleCount)")
    // The last shard that begins at or before the window; empty shards before it begin at the same number.
    var (low, high) = (0, shards.count)
    while high - low > 1 {
      let middle = (low + high) / 2
      if starts[middle] <= index { low = middle } else { high = middle }
    }
    let start = (index - starts[low]) * context
    return shards[low].ids(start..<start + context + 1)
  }
}
