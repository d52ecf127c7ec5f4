internal import Corpus

/// A corpus in its order, encoded: several threads, and ranks, work on the parts that come next.
///
/// Every rank reads all files, for only who reads knows where parts begin, and encodes every ``TokenizationRanks/size``th
/// batch of parts. The first rank hands on all batches, its own and those that others send; the others their own.
final class EncodedBatches {
  private struct ReadBatch: Sendable {
    let firstPart: Int
    let parts: [CorpusPart]
  }

  /// What is to be handed on next.
  private enum Waiting {
    /// A thread encodes it.
    case submitted(firstPart: Int)
    case unencoded(ReadBatch)
    case remote(rank: Int, firstPart: Int)
  }

  /// JSON lines are taken together up to this.
  private static let batchBytes = 1 << 18

  private let threadCount: Int
  private let ranks: (any TokenizationRanks)?
  private let pipeline: OrderedPipeline<ReadBatch, EncodedBatch>?
  private let encode: (ReadBatch) -> EncodedBatch
  private var reader: CorpusPartReader
  private var isAtEnd = false
  /// Batches and parts that were read.
  private var (batchCount, partCount) = (0, 0)
  /// Own batches that were read, and those of them that were handed on.
  private var (submittedCount, takenCount) = (0, 0)
  private var waiting: [Waiting] = []

  /// - Parameters:
  ///   - places: parts before these need no ids.
  ///   - threadCount: threads that encode; with 1, the one that calls.
  init(
    _ job: TokenizationJob, _ places: [TokenSplit: TokenizationState.Place], threadCount: Int,
    ranks: (any TokenizationRanks)?
  ) {
    self.threadCount = threadCount
    self.ranks = ranks
    let makeWorker: @Sendable () -> (ReadBatch) -> EncodedBatch = {
      let encoder = PartEncoder(job)
      return { Self.encode($0, encoder, places) }
    }
    encode = makeWorker()
    pipeline = threadCount > 1 ? OrderedPipeline(threadCount: threadCount, makeWorker: makeWorker) : nil
    reader = job.makeReader()
  }

  deinit { pipeline?.close(threadCount: threadCount) }

  /// Stored bytes that were read so far.
  var storedPosition: Int { reader.storedPosition }

  /// The next batch that is for this rank to hand on, with the number of its first part in the corpus; nil behind the last.
  func next() throws -> (firstPart: Int, batch: EncodedBatch)? {
    try readAhead()
    guard !waiting.isEmpty else { return nil }
    switch waiting.removeFirst() {
    case .submitted(let firstPart):
      takenCount += 1
      return (firstPart, try pipeline?.take(takenCount - 1) ?? EncodedBatch())
    case .unencoded(let batch):
      takenCount += 1
      return (batch.firstPart, encode(batch))
    case .remote(let rank, let firstPart):
      return (firstPart, EncodedMessage.batch(of: try ranks?.receive(from: rank) ?? []))
    }
  }

  /// Reads as many batches of this rank as keep its threads busy while one is handed on, and those of others between them.
  private func readAhead() throws {
    while !isAtEnd, submittedCount - takenCount < (pipeline == nil ? 1 : 4 * threadCount) {
      let batch = ReadBatch(firstPart: partCount, parts: try reader.nextBatch(of: Self.batchBytes))
      isAtEnd = batch.parts.isEmpty
      if !isAtEnd { add(batch, owner: batchCount % (ranks?.size ?? 1)) }
    }
  }

  private func add(_ batch: ReadBatch, owner: Int) {
    batchCount += 1
    partCount += batch.parts.count
    let rank = ranks?.rank ?? 0
    if owner == rank {
      waiting.append(pipeline == nil ? .unencoded(batch) : .submitted(firstPart: batch.firstPart))
      pipeline?.submit(submittedCount, batch)
      submittedCount += 1
    } else if rank == 0 {
      waiting.append(.remote(rank: owner, firstPart: batch.firstPart))
    }
  }

  /// Parts before the last finished shard of their split need no ids.
  private static func encode(
    _ batch: ReadBatch, _ encoder: PartEncoder, _ places: [TokenSplit: TokenizationState.Place]
  ) -> EncodedBatch {
    var result = EncodedBatch()
    for (offset, part) in batch.parts.enumerated() {
      let number = batch.firstPart + offset
      do throws(CorpusError) {
        let encoded = try encoder.encode(part) { split in places[split].map { number < $0.part } ?? false }
        result.parts.append(encoded)
      } catch {
        result.failure = error
        return result
      }
    }
    return result
  }
}
