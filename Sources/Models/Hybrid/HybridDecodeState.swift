internal import Layers
internal import TensorCore

/// Generation with a hybrid: each layer keeps what it still sees.
///
/// A dense layer keeps every token, a window as many as it is long, a CAT layer one vector for each chunk, the tokens
/// of the current chunk and the sum so far of its vector. A prompt goes through all layers at once, later tokens one by
/// one.
final class HybridDecodeState: DecodeState {
  private enum Cache {
    case plain(KeyValueCache)
    case chunked(ChunkedCache)
  }

  private let model: HybridModel
  private let caches: [Cache]
  private let sequenceCount: Int
  private let tape: Tape
  /// Tokens of a sequence so far.
  private var length = 0

  init(_ model: HybridModel, sequenceCount: Int, length: Int, chunkSize: Int, backend: any Backend) {
    let tape = Tape(backend: backend, isRecording: false)
    self.model = model
    self.sequenceCount = sequenceCount
    self.tape = tape
    caches = zip(model.blocks, model.fields.layers).map { block, kind in
      switch block {
      case .plain:
        let slotCount = if case .window(let size) = kind { min(size, length) } else { length }
        return .plain(
          KeyValueCache(
            sequenceCount: sequenceCount, slotCount: slotCount,
            keyValueWidth: model.fields.base.blockShape.keyValueWidth, backend: backend))
      case .chunked(let block):
        return .chunked(
          block.makeCache(
            sequenceCount: sequenceCount, length: length, chunkSize: kind.chunkSize(ofCall: chunkSize) ?? 1,
            tape: tape))
      }
    }
  }

  var cacheBytes: Int {
    caches.reduce(0) { sum, cache in
      switch cache {
      case .plain(let cache): sum + cache.byteCount
      case .chunked(let cache): sum + cache.byteCount
      }
    }
  }

  func advance(_ ids: [Int32]) -> Tensor {
    let newCount = ids.count / sequenceCount
    if length == 0 { return run(ids, newCount: newCount) }
    for step in 0..<newCount - 1 { _ = run(column(step, of: ids), newCount: 1) }
    return run(column(newCount - 1, of: ids), newCount: 1)
  }

  /// Token `step` of each sequence.
  private func column(_ step: Int, of ids: [Int32]) -> [Int32] {
    let newCount = ids.count / sequenceCount
    return (0..<sequenceCount).map { ids[$0 * newCount + step] }
  }

  /// Runs the beginning of the sequences, or one more token of each.
  private func run(_ ids: [Int32], newCount: Int) -> Tensor {
    let earlierCount = length
    length += newCount
    let input = tape.assemble(
      count: ids.count, [RowSource(model.embeddings, rows: RowSelection(tape.upload(ids)), to: .all)])
    return model.run(
      input, keptRows: tape.lastRows(of: newCount, sequenceCount: sequenceCount), tape: tape
    ) { layer in
      switch caches[layer] {
      case .plain(let cache):
        let rows = CachedRow.tokens(
          earlierCount..<length, sequenceCount: sequenceCount, slotCount: cache.slotCount)
        let cached = CachedRows(tape.upload(rows), in: cache)
        guard earlierCount == 0 else { return .plain(.cache(cached)) }
        let attention = model.attention(layer, length: newCount, sequenceCount: sequenceCount)
        return .plain(.pattern(attention, kept: cached))
      case .chunked(let cache):
        guard earlierCount == 0 else { return .chunked(.token(position: earlierCount, cache: cache)) }
        let layout = ChunkLayout(sampleCount: sequenceCount, length: newCount, chunkSize: cache.chunkSize)
        return .chunked(.beginning(layout, cache: cache))
      }
    }
  }
}
