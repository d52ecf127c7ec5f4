/// Windows of equal length over token shards.
///
/// A window is T + 1 ids: T inputs, and the T ids that follow them as targets. Windows begin every T ids of a shard, so
/// each id is a target once; none spans two shards, and what is left at a shard's end is not used. Where documents are
/// kept apart, a window is cut at their boundaries: the first id of a document is then no target.
package struct TokenDataset: Sendable {
  /// T.
  package let context: Int
  package let shards: [TokenShard]
  /// Number of windows.
  package let sampleCount: Int
  /// Most sequences that a window is cut into.
  package let mostSequences: Int
  /// Windows before each shard.
  private let starts: [Int]
  /// Where documents begin in each shard; empty if windows are not cut.
  package let documents: [DocumentIndex]

  /// - Parameters:
  ///   - paths: files, directories or patterns, as ``ShardPaths`` takes them.
  ///   - context: T.
  ///   - split: which files of a directory count.
  ///   - format: of all files.
  ///   - cut: how windows are cut into documents; nil if they are not.
  /// - Throws: ``TokenError`` for a file that cannot be used, and if no shard holds a window.
  package init(
    paths: [String], context: Int, split: TokenSplit? = nil, format: FormatChoice = .auto, cut: DocumentCut? = nil
  ) throws(TokenError) {
    precondition(context > 0, "dataset: context \(context)")
    var shards: [TokenShard] = []
    var starts: [Int] = []
    var documents: [DocumentIndex] = []
    var sampleCount = 0
    for path in try ShardPaths.expand(paths, split: split) {
      let shard = try TokenShard(path: path, format: format)
      shards.append(shard)
      starts.append(sampleCount)
      if let cut { documents.append(try cut.documents(of: shard)) }
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
    self.documents = documents
    // A sequence is an input and its target at least.
    mostSequences = min(
      max(1, (context + 1) / 2), documents.map { $0.mostPieces(windowLength: context) }.max() ?? 1)
  }

  /// The windows with these numbers; `[indices.count, T]` where they are not cut.
  package func batch(indices: [Int]) -> TokenBatch {
    var stretches = TokenStretches(reserving: indices.count * context)
    for index in indices { append(window: index, to: &stretches) }
    return stretches.batch
  }

  /// Adds the T + 1 ids of a window, or what each document has of them.
  func append(window index: Int, to stretches: inout TokenStretches) {
    let (shard, range) = place(ofWindow: index)
    let ids = shards[shard].ids(range)
    guard !documents.isEmpty else { return stretches.append(ids[...]) }
    var start = 0
    for boundary in documents[shard].boundaries(in: range) {
      stretches.append(ids[start..<boundary - range.lowerBound])
      start = boundary - range.lowerBound
    }
    stretches.append(ids[start...])
  }

  /// Ids of all shards.
  package var tokenCount: Int { shards.reduce(0) { $0 + $1.count } }

  /// Checks every id of every shard against a model's vocabulary. Reads all data.
  package func requireIDs(below vocabularySize: Int) throws(TokenError) {
    for shard in shards { try shard.requireIDs(below: vocabularySize) }
  }

  /// Which shard has the T + 1 ids of a window, and where.
  private func place(ofWindow index: Int) -> (shard: Int, ids: Range<Int>) {
    precondition(index >= 0 && index < sampleCount, "dataset: window \(index) of \(sampleCount)")
    // The last shard that begins at or before the window; empty shards before it begin at the same number.
    var (low, high) = (0, shards.count)
    while high - low > 1 {
      let middle = (low + high) / 2
      if starts[middle] <= index { low = middle } else { high = middle }
    }
    let start = (index - starts[low]) * context
    return (low, start..<start + context + 1)
  }
}

extension DocumentIndex {
  /// Most pieces of a window, of those that begin every `windowLength` ids and share an id with the next.
  fileprivate func mostPieces(windowLength: Int) -> Int {
    var (most, pieces, window, before) = (1, 1, -1, 0)
    for document in 0..<count {
      let start = self[document]
      // The beginning of a window is no boundary, and no document begins twice.
      guard start > before else { continue }
      before = start
      let own = (start - 1) / windowLength
      pieces = own == window ? pieces + 1 : 2
      window = own
      most = max(most, pieces)
    }
    return most
  }
}
