internal import Layers
internal import TensorCore

/// Generation with CAT: layers keep one row for each finished chunk, and the rows of the current chunk.
///
/// In chunk c, slots `0...c` hold `[A, f_0 … f_{c-1}]`, the next ones the separator, if there is one, and the chunk's
/// tokens. A finished chunk is compressed, and its vector takes slot c + 1; the other slots are given to later rows. The
/// token that ends a chunk never enters the decoder: nobody reads it, and the rows after it predict what follows.
/// Exact, for vectors see vectors alone.
final class CATDecodeState: DecodeState {
  private let model: CATModel
  private let caches: [KeyValueCache]
  private let chunkSize: Int
  private let tape: Tape
  /// The compressor's projection at this chunk size.
  private let projection: Tensor
  /// Tokens of each sequence's current chunk.
  private var currentChunks: [[Int32]]
  /// Finished chunks of a sequence; nil before the first token.
  private var finishedCount: Int?

  /// - Parameter length: most tokens that a sequence will have.
  init(_ model: CATModel, sequenceCount: Int, length: Int, chunkSize: Int, backend: any Backend) {
    self.model = model
    self.chunkSize = chunkSize
    tape = Tape(backend: backend, isRecording: false)
    projection = model.compressor.projection(chunkSize: chunkSize, tape: tape)
    currentChunks = Array(repeating: [], count: sequenceCount)
    let chunkCount = (length + chunkSize - 1) / chunkSize
    let localCount = model.separator == nil ? max(chunkSize - 1, 1) : max(chunkSize, 2)
    caches = model.stack.makeCaches(
      sequenceCount: sequenceCount, slotCount: chunkCount + localCount, backend: backend)
  }

  var cacheBytes: Int { caches.reduce(0) { $0 + $1.byteCount } }

  func advance(_ ids: [Int32]) -> Tensor {
    let newCount = ids.count / currentChunks.count
    let earlierCount = currentChunks[0].count
    for index in currentChunks.indices { currentChunks[index] += ids[index * newCount..<(index + 1) * newCount] }
    let step = CATDecodeStep(
      sequenceCount: currentChunks.count, finishedCount: finishedCount, chunkSize: chunkSize,
      earlierCount: earlierCount, newCount: newCount, hasSeparator: model.separator != nil)
    let input = input(step)
    for index in currentChunks.indices { currentChunks[index].removeFirst(step.completedCount * chunkSize) }
    finishedCount = (finishedCount ?? 0) + step.completedCount
    let rows = tape.upload(step.rows)
    return model.stack(
      input, keptRows: tape.lastRows(of: step.rowCount, sequenceCount: currentChunks.count), tape: tape
    ) { layer, _ in
      .cache(CachedRows(rows, in: caches[layer]))
    }
  }

  /// Rows that enter the decoder, `[B·rows, D]`.
  private func input(_ step: CATDecodeStep) -> Tensor {
    var sources: [RowSource] = []
    let count = currentChunks.count
    func rows(_ range: Range<Int>) -> RowSelection { RowSelection(tape.indices(step.rowsOfAll(range))) }
    if step.isFirst { sources.append(model.start(count: count, chunkSize: chunkSize, to: rows(0..<1), tape: tape)) }
    if step.completedCount > 0 {
      sources.append(RowSource(compressedChunks(step), rows: .all, to: rows(step.vectorRows)))
    }
    if let separator = model.separator, let row = step.separatorRow {
      let only = RowSelection(tape.indices(IndexRuns(repeating: 0, count: count)))
      sources.append(RowSource(separator, rows: only, to: rows(row..<row + 1)))
    }
    let tokens = tape.upload(currentChunks.flatMap { $0[step.tokens] })
    sources.append(RowSource(model.embeddings, rows: RowSelection(tokens), to: rows(step.tokenRows)))
    return tape.assemble(count: count * step.rowCount, sources)
  }

  /// One vector for each chunk that the step completes, `[B·chunks, D]`.
  private func compressedChunks(_ step: CATDecodeStep) -> Tensor {
    let indices = IndexRuns(
      start: finishedCount ?? 0, stride: 0, runCount: currentChunks.count, length: step.completedCount)
    return model.compressor(
      tape.upload(currentChunks.flatMap { $0.prefix(step.completedCount * chunkSize) }),
      chunkIndices: tape.indices(indices), chunkSize: chunkSize, projection: projection, tape: tape)
  }
}

/// The decoder rows of one step of generation: `[A] [f …] [S] [tokens of the current chunk]`, whichever are new.
struct CATDecodeStep {
  let sequenceCount: Int
  /// Whether nothing came before.
  let isFirst: Bool
  /// Chunks that the new tokens complete.
  let completedCount: Int
  /// The tokens that enter the decoder, counted from the beginning of the chunk that was current before.
  let tokens: Range<Int>
  /// Row of the separator, if one is new.
  let separatorRow: Int?
  /// Slot and position of each row, in every sequence the same.
  private let slots: [(slot: Int, position: Int)]

  /// - Parameters:
  ///   - finishedCount: chunks that were finished before; nil before the first token.
  ///   - earlierCount: tokens of the current chunk before the step.
  init(
    sequenceCount: Int, finishedCount: Int?, chunkSize: Int, earlierCount: Int, newCount: Int, hasSeparator: Bool
  ) {
    self.sequenceCount = sequenceCount
    isFirst = finishedCount == nil
    let tokenCount = earlierCount + newCount
    completedCount = tokenCount / chunkSize
    let beginsChunk = isFirst || completedCount > 0
    let start = completedCount * chunkSize
    tokens = (beginsChunk ? start : earlierCount)..<tokenCount

    let globalCount = 1 + (finishedCount ?? 0)
    let newGlobals = (isFirst ? 0 : globalCount)..<globalCount + completedCount
    var slots = newGlobals.map { (slot: $0, position: 0) }
    let firstLocal = newGlobals.upperBound
    separatorRow = hasSeparator && beginsChunk ? slots.count : nil
    if separatorRow != nil { slots.append((slot: firstLocal, position: 1)) }
    let leading = hasSeparator ? 1 : 0
    slots += tokens.map { (slot: firstLocal + leading + $0 - start, position: 1 + leading + $0 - start) }
    self.slots = slots
  }

  /// Rows of each sequence.
  var rowCount: Int { slots.count }

  /// All rows as the caches know them, those of a sequence side by side.
  var rows: [CachedRow] {
    (0..<sequenceCount).flatMap { sequence in
      slots.map { CachedRow(sequence: sequence, slot: $0.slot, position: $0.position) }
    }
  }

  /// Rows of the compressed vectors.
  var vectorRows: Range<Int> {
    let first = isFirst ? 1 : 0
    return first..<first + completedCount
  }

  /// Rows of the tokens.
  var tokenRows: Range<Int> { rowCount - tokens.count..<rowCount }

  /// Where rows of each sequence lie in the step's input.
  func rowsOfAll(_ range: Range<Int>) -> IndexRuns {
    IndexRuns(start: range.lowerBound, stride: rowCount, runCount: sequenceCount, length: range.count)
  }
}
