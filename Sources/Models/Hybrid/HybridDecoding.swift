internal import Layers
internal import TensorCore

/// Generation with a hybrid: each layer keeps what it still sees.
///
/// A dense layer keeps every token, a window as many as it is long, a CAT layer one vector for each chunk, the tokens
/// of the current chunk and the sum so far of its vector. A prompt goes through all layers at once, later tokens one by
/// one.
final class HybridDecoding: Decoding {
  private enum Layer {
    case plain(TransformerBlock, HybridLayer, KeyValueCache)
    case chunked(ChunkedBlock, ChunkedCache)
  }

  private let model: HybridModel
  private let layers: [Layer]
  private let sequenceCount: Int
  private let tape: Tape
  /// Tokens of a sequence so far.
  private var length = 0

  init(_ model: HybridModel, sequenceCount: Int, length: Int, chunkSize: Int, backend: any Backend) {
    let tape = Tape(backend: backend, isRecording: false)
    self.model = model
    self.sequenceCount = sequenceCount
    self.tape = tape
    layers = zip(model.blocks, model.fields.layers).map { block, kind in
      switch block {
      case .plain(let block):
        let slotCount = if case .window(let size) = kind { min(size, length) } else { length }
        return .plain(
          block, kind, block.makeCache(sequenceCount: sequenceCount, slotCount: slotCount, backend: backend))
      case .chunked(let block):
        return .chunked(
          block,
          block.makeCache(
            sequenceCount: sequenceCount, length: length, chunkSize: kind.chunkSize(ofCall: chunkSize) ?? 1,
            tape: tape))
      }
    }
  }

  var cacheBytes: Int {
    layers.reduce(0) { sum, layer in
      switch layer {
      case .plain(_, _, let cache): sum + cache.byteCount
      case .chunked(_, let cache): sum + cache.byteCount
      }
    }
  }

  func advance(_ ids: [Int32]) -> Tensor {
    let newCount = ids.count / sequenceCount
    if length == 0 { return begin(ids, newCount: newCount) }
    for step in 0..<newCount - 1 { _ = advanceByOne(column(step, of: ids)) }
    return advanceByOne(column(newCount - 1, of: ids))
  }

  /// Token `step` of each sequence.
  private func column(_ step: Int, of ids: [Int32]) -> [Int32] {
    let newCount = ids.count / sequenceCount
    return (0..<sequenceCount).map { ids[$0 * newCount + step] }
  }

  private func embedded(_ ids: [Int32]) -> ResidualStream {
    ResidualStream(
      tape.assemble(
        count: ids.count, [RowSource(model.embeddings, rows: RowSelection(tape.upload(ids)), to: .all)]))
  }

  private func begin(_ ids: [Int32], newCount: Int) -> Tensor {
    var stream = embedded(ids)
    for (index, layer) in layers.enumerated() {
      let queryCount = index == layers.count - 1 ? 1 : newCount
      switch layer {
      case .plain(let block, let kind, let cache):
        let attention = model.fields.base.blockShape.attention(
          kind.pattern(length: newCount), sequenceCount: sequenceCount)
        stream = block.begin(
          stream, attention: attention, queryCount: queryCount, cache: cache, rotary: model.rotary, tape: tape)
      case .chunked(let block, let cache):
        let layout = ChunkLayout(sampleCount: sequenceCount, length: newCount, chunkSize: cache.chunkSize)
        stream = block.begin(
          stream, layout: layout, queryCount: queryCount, cache: cache, rotary: model.rotary, tape: tape)
      }
    }
    length = newCount
    return model.normed(stream, tape: tape)
  }

  /// - Parameter ids: one of each sequence.
  private func advanceByOne(_ ids: [Int32]) -> Tensor {
    var stream = embedded(ids)
    for layer in layers {
      switch layer {
      case .plain(let block, _, let cache):
        let row = CachedRow(
          slot: length % cache.slotCount, position: length, visibleCount: min(length + 1, cache.slotCount))
        stream = block(stream, rows: [row], queryCount: 1, cache: cache, rotary: model.rotary, tape: tape)
      case .chunked(let block, let cache):
        stream = block(stream, position: length, cache: cache, rotary: model.rotary, tape: tape)
      }
    }
    length += 1
    return model.normed(stream, tape: tape)
  }
}
