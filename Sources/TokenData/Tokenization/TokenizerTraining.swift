package import Corpus
internal import Synchronization
package import Tokenizers

/// Trains a tokenizer on a corpus: several threads count pieces, one makes the merges.
///
/// The corpus is read once and never held: memory is that of the different pieces, ``mostPieces`` of them and those of
/// ``roundBytes`` of text at most, 24 bytes each (longer ones as many as they have) while they are counted, and some
/// fifteen bytes for each of their bytes while merges are made. What comes out does not depend on the number of threads.
package struct TokenizerTraining {
  /// Where there are more different pieces after a round, those that occurred least are forgotten; half as many stay.
  package static let mostPieces = 16_000_000
  /// Text that is counted before the number of pieces is looked at.
  private static let roundBytes = 64 << 20
  /// JSON lines that a thread takes at once.
  private static let batchBytes = 1 << 20

  private let recipe: TokenizerRecipe
  private let files: [CorpusFile]
  private let field: String
  private let separator: String
  private let splitsLines: Bool
  private let mostPieces: Int
  private let roundBytes: Int

  /// - Parameters:
  ///   - field: the key of JSON lines that holds the text.
  ///   - separator: between two documents of a text file; empty if a file is one document.
  ///   - splitsLines: whether each line of text files is split by itself; JSON lines are split as a whole.
  package init(
    _ recipe: TokenizerRecipe, files: [CorpusFile], field: String, separator: String, splitsLines: Bool,
    mostPieces: Int = Self.mostPieces, roundBytes: Int? = nil
  ) {
    self.recipe = recipe
    self.files = files
    self.field = field
    self.separator = separator
    self.splitsLines = splitsLines
    self.mostPieces = mostPieces
    self.roundBytes = roundBytes ?? Self.roundBytes
  }

  package enum Progress {
    /// Stored bytes that were read, and bytes of text that were counted.
    case reading(position: Int, byteCount: Int)
    case merging(tokenCount: Int)
  }

  package struct Outcome {
    package var tokenizer: TrainedTokenizer
    package var byteCount: Int
    package var pieceCount: Int
    /// Whether rare pieces were forgotten, as memory is bounded.
    package var wasPruned: Bool
  }

  /// - Throws: ``CorpusError`` for files that cannot be read or hold no text.
  package func run(threadCount: Int, show: (Progress) -> Void) throws -> Outcome {
    let pool = PieceCountPool()
    let (byteCount, wasPruned) = try count(into: pool, threadCount: threadCount, show)
    let counts = pool.merged()
    guard counts.count > 0 else {
      throw CorpusError(files.map(\.path).joined(separator: ", "), found: "no text", allowed: "text")
    }
    let trained = MergeTrainer(recipe, pieces: counts).train { show(.merging(tokenCount: $0)) }
    return Outcome(tokenizer: trained, byteCount: byteCount, pieceCount: counts.count, wasPruned: wasPruned)
  }

  private func count(
    into pool: PieceCountPool, threadCount: Int, _ show: (Progress) -> Void
  ) throws -> (byteCount: Int, wasPruned: Bool) {
    let work = BatchCounter(
      lines: PieceCounter(recipe, splitsLines: splitsLines), documents: PieceCounter(recipe, splitsLines: false),
      field: Array(field.utf8), pool: pool)
    let pipeline =
      threadCount > 1 ? OrderedPipeline<[CorpusPart], Int>(threadCount: threadCount) { work.count } : nil
    defer { pipeline?.close(threadCount: threadCount) }
    var reader = CorpusPartReader(
      files, rule: .hash(share: 0), cut: recipe.cut(splitsLines: splitsLines), separator: Array(separator.utf8))
    var (submitted, taken, byteCount, readBytes, wasPruned) = (0, 0, 0, 0, false)
    while true {
      let batch = try reader.nextBatch(of: min(Self.batchBytes, roundBytes))
      readBytes += batch.reduce(0) { $0 + $1.bytes.count }
      if let pipeline, !batch.isEmpty {
        pipeline.submit(submitted, batch)
        submitted += 1
      } else {
        byteCount += try work.count(batch)
      }
      // Rounds end at the same text whatever the number of threads, so that the same pieces are forgotten.
      let endsRound = batch.isEmpty || readBytes >= roundBytes
      while let pipeline, taken < submitted, endsRound || submitted - taken > 4 * threadCount {
        byteCount += try pipeline.take(taken)
        taken += 1
      }
      show(.reading(position: reader.storedPosition, byteCount: byteCount))
      guard endsRound else { continue }
      if pool.limit(to: mostPieces) { wasPruned = true }
      readBytes = 0
      if batch.isEmpty { return (byteCount, wasPruned) }
    }
  }
}

/// Counts the pieces of batches, on any thread.
private struct BatchCounter: Sendable {
  let lines: PieceCounter
  let documents: PieceCounter
  let field: [UInt8]
  let pool: PieceCountPool

  /// - Returns: bytes of text.
  func count(_ batch: [CorpusPart]) throws -> Int {
    var counts = pool.take()
    var byteCount = 0
    for part in batch {
      switch part.content {
      case .text:
        lines.count(part.bytes.span, into: &counts)
        byteCount += part.bytes.count
      case .line:
        let text = try part.documentText(field: field).text
        documents.count(text.span, into: &counts)
        byteCount += text.count
      }
    }
    pool.giveBack(counts)
    return byteCount
  }
}

/// Tables that threads count into: as many as there are threads, each with one thread at a time.
private final class PieceCountPool: Sendable {
  private let tables = Mutex<[PieceCounts]>([])

  func take() -> PieceCounts { tables.withLock { $0.popLast() } ?? PieceCounts() }

  func giveBack(_ table: PieceCounts) { tables.withLock { $0.append(table) } }

  /// Forgets rare pieces if there are more than `most` different ones, while no thread counts.
  ///
  /// - Returns: whether some were forgotten.
  func limit(to most: Int) -> Bool {
    guard tables.withLock({ $0.reduce(0) { $0 + $1.count } }) > most else { return false }
    var all = merged()
    let isTooMany = all.count > most
    if isTooMany { all.prune(to: most / 2) }
    giveBack(all)
    return isTooMany
  }

  /// All counts in one table, which is the caller's.
  func merged() -> PieceCounts {
    tables.withLock { tables in
      var all = tables.popLast() ?? PieceCounts()
      while let table = tables.popLast() { all.add(table) }
      return all
    }
  }
}
