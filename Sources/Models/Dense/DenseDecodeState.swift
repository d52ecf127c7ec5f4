internal import Layers
internal import TensorCore

/// Generation with a dense model: every layer keeps every token.
final class DenseDecodeState: DecodeState {
  private let model: DenseModel
  private let caches: [KeyValueCache]
  private let sequenceCount: Int
  /// Most tokens that a sequence will have, which all have a slot.
  private let slotCount: Int
  private let tape: Tape
  /// Tokens of a sequence so far.
  private var length = 0

  init(_ model: DenseModel, sequenceCount: Int, length: Int, backend: any Backend) {
    self.model = model
    self.sequenceCount = sequenceCount
    slotCount = length
    tape = Tape(backend: backend, isRecording: false)
    caches = model.stack.makeCaches(sequenceCount: sequenceCount, slotCount: length, backend: backend)
  }

  var cacheBytes: Int { caches.reduce(0) { $0 + $1.byteCount } }

  func advance(_ ids: [Int32]) -> Tensor {
    let newCount = ids.count / sequenceCount
    let input = tape.assemble(
      count: ids.count, [RowSource(model.embeddings, rows: RowSelection(tape.upload(ids)), to: .all)])
    let rows = tape.upload(
      CachedRow.tokens(length..<length + newCount, sequenceCount: sequenceCount, slotCount: slotCount))
    let isBeginning = length == 0
    length += newCount
    let attention = model.fields.blockShape.attention(.causal(length: newCount), sequenceCount: sequenceCount)
    return model.stack(
      input, keptRows: tape.lastRows(of: newCount, sequenceCount: sequenceCount), tape: tape
    ) { layer, _ in
      let cached = CachedRows(rows, in: caches[layer])
      return isBeginning ? .pattern(attention, kept: cached) : .cache(cached)
    }
  }
}
