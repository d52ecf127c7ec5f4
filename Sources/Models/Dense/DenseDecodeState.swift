internal import Layers
internal import TensorCore

/// Generation with a dense model: every layer keeps every token.
final class DenseDecodeState: DecodeState {
  private struct Content {
    /// Most tokens that it will have, which all have a slot.
    let slotCount: Int
    /// Tokens so far.
    var length = 0
  }

  let takesPortions = true
  private let model: DenseModel
  private let caches: [KeyValueCache]
  private let tape: Tape
  private var table: SequenceTable<Content>

  init(_ model: DenseModel, room: DecodeRoom, backend: any Backend) {
    self.model = model
    tape = Tape(backend: backend, isRecording: false)
    table = SequenceTable(room)
    caches = model.stack.makeCaches(slots: room.slotCounts[0], backend: backend)
  }

  var cacheBytes: Int { caches.reduce(0) { $0 + $1.byteCount } }

  func add(length: Int, chunkSize: Int) -> Int? {
    table.add(
      Content(slotCount: length), slotCounts: model.slotCounts(length: length, chunkSize: chunkSize))
  }

  func remove(_ sequence: Int) { table.remove(sequence) }

  func advance(_ portions: [SequenceTokens]) -> Tensor {
    let passes = DecodePass.passes(portions) { SequenceSize(length: table[$0].content.length, chunkSize: 1) }
    return DecodePass.run(passes, tape: tape, run)
  }

  private func run(_ pass: DecodePass) -> Tensor {
    let ids = pass.ids
    let input = tape.assemble(
      count: ids.count, [RowSource(model.embeddings, rows: RowSelection(tape.upload(ids)), to: .all)])
    let rows = tape.upload(pass.parts.flatMap(cachedRows))
    let attention = model.fields.blockShape.attention(.causal(length: pass.length), sequenceCount: pass.parts.count)
    return model.stack(input, keptRows: pass.lastRows(tape), tape: tape) { layer, _ in
      let cached = CachedRows(rows, in: caches[layer])
      return pass.isBeginning ? .pattern(attention, kept: cached) : .cache(cached)
    }
  }

  /// The rows of a sequence's next tokens, which are its own from now on.
  private func cachedRows(_ part: DecodePass.Part) -> [CachedRow] {
    let (first, content) = (table[part.sequence].slots[0].lowerBound, table[part.sequence].content)
    let positions = content.length..<content.length + part.ids.count
    table[part.sequence].content.length = positions.upperBound
    return CachedRow.tokens(positions, of: first, slotCount: content.slotCount)
  }
}
