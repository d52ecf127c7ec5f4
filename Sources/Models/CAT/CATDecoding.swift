internal import Layers
internal import TensorCore

/// Generation with CAT: layers keep one row for each finished chunk, and the rows of the current chunk.
///
/// In chunk c, slots `0...c` hold `[A, f_0 … f_{c-1}]`, the next ones the separator, if there is one, and the chunk's
/// tokens. A finished chunk is compressed, and its vector takes slot c + 1; the other slots are given to later rows. The
/// token that ends a chunk never enters the decoder: nobody reads it, and the rows after it predict what follows.
/// Exact, for vectors see vectors alone.
final class CATDecoding: Decoding {
  private let decoder: CATDecoder
  private let stack: CachedStack
  private let chunkSize: Int
  private let tape: Tape
  /// The compressor's projection at this chunk size.
  private let projection: Tensor
  /// Tokens of each sequence's current chunk.
  private var currentChunks: [[Int32]]
  /// Finished chunks of a sequence; nil before the first token.
  private var finishedCount: Int?

  /// - Parameter length: most tokens that a sequence will have.
  init(_ decoder: CATDecoder, sequenceCount: Int, length: Int, chunkSize: Int, backend: any Backend) {
    self.decoder = decoder
    self.chunkSize = chunkSize
    tape = Tape(backend: backend, isRecording: false)
    projection = decoder.compressor.projection(chunkSize: chunkSize, tape: tape)
    currentChunks = Array(repeating: [], count: sequenceCount)
    let chunkCount = (length + chunkSize - 1) / chunkSize
    let localCount = decoder.separator == nil ? max(chunkSize - 1, 1) : max(chunkSize, 2)
    stack = CachedStack(
      decoder.blocks, rotary: decoder.rotary, sequenceCount: sequenceCount, slotCount: chunkCount + localCount,
      backend: backend)
  }

  var cacheBytes: Int { stack.cacheBytes }

  func advance(_ ids: [Int32]) -> Tensor {
    let newCount = ids.count / currentChunks.count
    let earlierCount = currentChunks[0].count
    for index in currentChunks.indices { currentChunks[index] += ids[index * newCount..<(index + 1) * newCount] }
    let step = CATDecodingStep(
      sequenceCount: currentChunks.count, finishedCount: finishedCount, chunkSize: chunkSize,
      earlierCount: earlierCount, newCount: newCount, hasSeparator: decoder.separator != nil)
    let input = input(step)
    for index in currentChunks.indices { currentChunks[index].removeFirst(step.completedCount * chunkSize) }
    finishedCount = (finishedCount ?? 0) + step.completedCount
    let stream = stack(input, rows: step.rows, tape: tape)
    return TransformerBlock.norm(
      stream, weight: decoder.finalNorm, epsilon: decoder.normEpsilon, tape: tape
    ).normed
  }

  /// Rows that enter the decoder, `[B·rows, D]`.
  private func input(_ step: CATDecodingStep) -> Tensor {
    var sources: [RowSource] = []
    let count = currentChunks.count
    func places(_ range: Range<Int>) -> RowSelection { RowSelection(tape.indices(step.places(range))) }
    func repeated(_ table: Tensor, _ row: Int, at place: Int) -> RowSource {
      RowSource(
        table, rows: RowSelection(tape.indices(IndexRuns(repeating: row, count: count))), to: places(place..<place + 1))
    }
    if step.isFirst { sources.append(repeated(decoder.start.table, decoder.start.row, at: 0)) }
    if step.completedCount > 0 {
      sources.append(RowSource(compressedChunks(step), rows: .all, to: places(step.vectorRows)))
    }
    if let separator = decoder.separator, let row = step.separatorRow {
      sources.append(repeated(separator, 0, at: row))
    }
    let tokens = tape.upload(currentChunks.flatMap { $0[step.tokens] })
    sources.append(RowSource(decoder.embeddings, rows: RowSelection(tokens), to: places(step.tokenRows)))
    return tape.assemble(count: count * step.rows.count, sources)
  }

  /// One vector for each chunk that the step completes, `[B·chunks, D]`.
  private func compressedChunks(_ step: CATDecodingStep) -> Tensor {
    let indices = IndexRuns(
      start: finishedCount ?? 0, stride: 0, runCount: currentChunks.count, length: step.completedCount)
    return decoder.compressor(
      tape.upload(currentChunks.flatMap { $0.prefix(step.completedCount * chunkSize) }),
      chunkIndices: tape.indices(indices), chunkSize: chunkSize, projection: projection, tape: tape)
  }
}
