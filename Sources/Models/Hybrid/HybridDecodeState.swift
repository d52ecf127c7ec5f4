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

  private struct Content {
    let size: SequenceSize
    /// Tokens so far.
    var length = 0
  }

  let takesPortions = false
  private let model: HybridModel
  private let caches: [Cache]
  /// Of each layer, its place among the kinds of layers: the rows of a call are the same to all of a kind.
  private let kindOfLayer: [Int]
  private let kinds: [HybridLayer]
  private let tape: Tape
  private var table: SequenceTable<Content>

  init(_ model: HybridModel, room: DecodeRoom, backend: any Backend) {
    let tape = Tape(backend: backend, isRecording: false)
    let kinds = model.fields.kinds
    let kindOfLayer = model.fields.layers.map { kinds.firstIndex(of: $0) ?? 0 }
    self.model = model
    self.kinds = kinds
    self.kindOfLayer = kindOfLayer
    self.tape = tape
    table = SequenceTable(room)
    caches = zip(model.blocks, kindOfLayer).map { block, kind in
      let slots = room.slotCounts[kind]
      switch block {
      case .plain:
        let width = model.fields.base.blockShape.keyValueWidth
        return .plain(KeyValueCache(slots: slots, keyValueWidth: width, backend: backend))
      case .chunked(let block):
        return .chunked(block.makeCache(sequenceCount: room.sequenceCount, slots: slots, tape: tape))
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

  func add(length: Int, chunkSize: Int) -> Int? {
    table.add(
      Content(size: SequenceSize(length: length, chunkSize: chunkSize)),
      slotCounts: model.slotCounts(length: length, chunkSize: chunkSize))
  }

  func remove(_ sequence: Int) { table.remove(sequence) }

  func advance(_ portions: [SequenceTokens]) -> Tensor {
    let passes = DecodePass.passes(portions, longest: 1) { sequence in
      let content = table[sequence].content
      return SequenceSize(length: content.length, chunkSize: content.size.chunkSize)
    }
    return DecodePass.run(passes, tape: tape, run)
  }

  /// Runs the beginnings of sequences, or one more token of each.
  private func run(_ pass: DecodePass) -> Tensor {
    let ids = pass.ids
    let input = tape.assemble(
      count: ids.count, [RowSource(model.embeddings, rows: RowSelection(tape.upload(ids)), to: .all)])
    let rowsOfKinds = kinds.indices.map { rows(pass, kind: $0) }
    for part in pass.parts { table[part.sequence].content.length += part.ids.count }
    return model.run(input, keptRows: pass.lastRows(tape), tape: tape) { layer in
      switch (caches[layer], rowsOfKinds[kindOfLayer[layer]]) {
      case (.plain(let cache), .plain(let rows)):
        let cached = CachedRows(rows, in: cache)
        guard pass.isBeginning else { return .plain(.cache(cached)) }
        let sequences = Sequences(count: pass.parts.count, length: pass.length)
        return .plain(.patterns(model.attention(layer, sequences), kept: cached))
      case (.chunked(let cache), .beginning(let layouts, let beginning)):
        return .chunked(.beginning(layouts, kept: (beginning, in: cache)))
      case (.chunked(let cache), .tokens(let tokens)):
        return .chunked(.tokens(tokens, in: cache))
      default:
        preconditionFailure("hybrid: layer \(layer) is \(kinds[kindOfLayer[layer]].kind)")
      }
    }
  }

  /// The rows of a pass, as layers of one kind know them.
  private enum Rows {
    case plain(Tensor)
    case beginning(ChunkLayouts, ChunkedBeginning)
    case tokens(ChunkedTokens)
  }

  private func rows(_ pass: DecodePass, kind: Int) -> Rows {
    let entries = pass.parts.map { table[$0.sequence] }
    let firstSlots = entries.map { $0.slots[kind].lowerBound }
    guard let chunkSize = kinds[kind].chunkSize(ofCall: entries[0].content.size.chunkSize) else {
      let rows = zip(zip(entries, firstSlots), pass.parts).flatMap { place, part in
        let start = place.0.content.length
        return CachedRow.tokens(start..<start + part.ids.count, of: place.1, slotCount: place.0.slots[kind].count)
      }
      return .plain(tape.upload(rows))
    }
    let places = zip(firstSlots, pass.parts).map { ChunkedPlace(firstSlot: $0, vector: $1.sequence) }
    guard pass.isBeginning else {
      let tokens = zip(places, entries).map { place, entry in
        ChunkedTokens.Token(
          place, position: entry.content.length,
          chunkSize: kinds[kind].chunkSize(ofCall: entry.content.size.chunkSize) ?? 1)
      }
      return .tokens(ChunkedTokens(tokens, tape: tape))
    }
    let layouts = ChunkLayouts(Sequences(count: places.count, length: pass.length), chunkSize: chunkSize)
    return .beginning(layouts, ChunkedBeginning(layouts.only, places: places, tape: tape))
  }
}
