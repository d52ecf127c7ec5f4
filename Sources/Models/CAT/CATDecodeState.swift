internal import Layers
internal import TensorCore

/// Generation with CAT: layers keep one row for each finished chunk, and the rows of the current chunk.
///
/// In chunk c of a sequence, its slots `0...c` hold `[A, f_0 … f_{c-1}]`, the next ones the separator, if there is one, and
/// the chunk's tokens. A finished chunk is compressed, and its vector takes slot c + 1; the other slots are given to later
/// rows. The token that ends a chunk never enters the decoder: nobody reads it, and the rows after it predict what follows.
/// Exact, for vectors see vectors alone.
final class CATDecodeState: DecodeState {
  let takesPortions = true
  private let model: CATModel
  private let caches: [KeyValueCache]
  private let tape: Tape
  /// The compressor's projection at each chunk size that was wanted.
  private var projections: [Int: Tensor] = [:]
  private var table: SequenceTable<CATSequence>

  init(_ model: CATModel, room: DecodeRoom, backend: any Backend) {
    self.model = model
    tape = Tape(backend: backend, isRecording: false)
    table = SequenceTable(room)
    caches = model.stack.makeCaches(slots: room.slotCounts[0], backend: backend)
  }

  var cacheBytes: Int { caches.reduce(0) { $0 + $1.byteCount } }

  func add(length: Int, chunkSize: Int) -> Int? {
    if projections[chunkSize] == nil {
      projections[chunkSize] = model.compressor.projection(chunkSize: chunkSize, tape: tape)
    }
    return table.add(
      CATSequence(chunkSize: chunkSize), slotCounts: model.slotCounts(length: length, chunkSize: chunkSize))
  }

  func remove(_ sequence: Int) { table.remove(sequence) }

  func advance(_ portions: [SequenceTokens]) -> Tensor {
    var step = CATDecodeStep(hasSeparator: model.separator != nil)
    for portion in portions {
      let first = table[portion.sequence].slots[0].lowerBound
      step.add(portion.ids, to: &table[portion.sequence].content, firstSlot: first)
    }
    let lists = tape.upload(
      [
        step.cachedRows, step.lastRows, step.startSizes, step.startRows, step.separatorRows,
        step.separatorRows.map { _ in 0 }, step.tokens.ids, step.tokens.rows,
      ])
    let rows = lists[0].reshaped([step.rowCount, 4])
    let input = input(step, lists: lists)
    return model.stack(
      input, keptRows: step.rowCount == portions.count ? nil : lists[1], tape: tape
    ) { layer, _ in
      .cache(CachedRows(rows, in: caches[layer]))
    }
  }

  /// Rows that enter the decoder, `[rows, D]`.
  private func input(_ step: CATDecodeStep, lists: [Tensor]) -> Tensor {
    let selections = lists.map { RowSelection($0) }
    var sources: [RowSource] = []
    if !step.startRows.isEmpty { sources.append(model.start(sizes: selections[2], to: selections[3], tape: tape)) }
    for (chunkSize, chunks) in step.chunks.sorted(by: { $0.key < $1.key }) {
      let lists = tape.upload([chunks.ids, chunks.indices, chunks.rows])
      let vectors = model.compressor(
        lists[0], chunkIndices: lists[1], chunkSize: chunkSize, projection: projections[chunkSize], tape: tape)
      sources.append(RowSource(vectors, rows: .all, to: RowSelection(lists[2])))
    }
    if let separator = model.separator, !step.separatorRows.isEmpty {
      sources.append(RowSource(separator, rows: selections[5], to: selections[4]))
    }
    if !step.tokens.rows.isEmpty {
      sources.append(RowSource(model.embeddings, rows: selections[6], to: selections[7]))
    }
    return tape.assemble(count: step.rowCount, sources)
  }
}

/// What generation knows of one sequence.
struct CATSequence {
  let chunkSize: Int
  /// Finished chunks; nil before the first token.
  fileprivate(set) var finishedCount: Int?
  /// Tokens of the current chunk.
  fileprivate(set) var current: [Int32] = []

  init(chunkSize: Int) {
    self.chunkSize = chunkSize
  }
}

/// The decoder rows of one step of generation, those of a sequence side by side: `[A] [f …] [S] [tokens of the current
/// chunk]`, whichever are new.
struct CATDecodeStep {
  /// Chunks of one size that are complete.
  struct Chunks {
    var ids: [Int32] = []
    /// Which chunk of its sequence each is.
    var indices: [Int32] = []
    /// Rows of their vectors.
    var rows: [Int32] = []
  }

  private let hasSeparator: Bool
  /// As ``CachedRow/numbers``.
  private(set) var cachedRows: [Int32] = []
  /// The last row of each sequence.
  private(set) var lastRows: [Int32] = []
  /// Rows before the first chunk, and their sequences' chunk sizes.
  private(set) var startRows: [Int32] = []
  private(set) var startSizes: [Int32] = []
  /// By chunk size.
  private(set) var chunks: [Int: Chunks] = [:]
  private(set) var separatorRows: [Int32] = []
  private(set) var tokens: (ids: [Int32], rows: [Int32]) = ([], [])

  init(hasSeparator: Bool) {
    self.hasSeparator = hasSeparator
  }

  var rowCount: Int { cachedRows.count / 4 }

  /// Adds the rows of a sequence's next tokens, which are its own from now on.
  mutating func add(_ ids: [Int32], to sequence: inout CATSequence, firstSlot: Int) {
    let chunkSize = sequence.chunkSize
    let isFirst = sequence.finishedCount == nil
    let earlierCount = sequence.current.count
    let finishedCount = sequence.finishedCount ?? 0
    sequence.current += ids
    let completedCount = sequence.current.count / chunkSize
    let beginsChunk = isFirst || completedCount > 0

    if isFirst {
      startSizes.append(Int32(chunkSize))
      startRows.append(Int32(rowCount))
      appendRow(slot: 0, position: 0, of: firstSlot)
    }
    if completedCount > 0 {
      var completed = chunks[chunkSize] ?? Chunks()
      for chunk in finishedCount..<finishedCount + completedCount {
        completed.indices.append(Int32(chunk))
        completed.rows.append(Int32(rowCount))
        appendRow(slot: chunk + 1, position: 0, of: firstSlot)
      }
      completed.ids += sequence.current.prefix(completedCount * chunkSize)
      chunks[chunkSize] = completed
      sequence.current.removeFirst(completedCount * chunkSize)
    }
    sequence.finishedCount = finishedCount + completedCount

    let firstLocal = 1 + finishedCount + completedCount
    let leading = hasSeparator ? 1 : 0
    if beginsChunk, hasSeparator {
      separatorRows.append(Int32(rowCount))
      appendRow(slot: firstLocal, position: 1, of: firstSlot)
    }
    for offset in (beginsChunk ? 0 : earlierCount)..<sequence.current.count {
      tokens.ids.append(sequence.current[offset])
      tokens.rows.append(Int32(rowCount))
      appendRow(slot: firstLocal + leading + offset, position: 1 + leading + offset, of: firstSlot)
    }
    lastRows.append(Int32(rowCount - 1))
  }

  private mutating func appendRow(slot: Int, position: Int, of firstSlot: Int) {
    cachedRows += CachedRow(sequence: firstSlot, slot: slot, position: position).numbers
  }
}
