internal import Layers
internal import TensorCore

/// Generation with a dense model: every layer keeps every token.
final class DenseDecoding: Decoding {
  private let model: DenseModel
  private let stack: CachedStack
  private let sequenceCount: Int
  private let tape: Tape
  /// Tokens of a sequence so far.
  private var length = 0

  init(_ model: DenseModel, sequenceCount: Int, length: Int, backend: any Backend) {
    self.model = model
    self.sequenceCount = sequenceCount
    tape = Tape(backend: backend, isRecording: false)
    stack = CachedStack(
      model.blocks, rotary: model.rotary, sequenceCount: sequenceCount, slotCount: length, backend: backend)
  }

  var cacheBytes: Int { stack.cacheBytes }

  func advance(_ ids: [Int32]) -> Tensor {
    let newCount = ids.count / sequenceCount
    let input = tape.assemble(
      count: ids.count, [RowSource(model.embeddings, rows: RowSelection(tape.upload(ids)), to: .all)])
    defer { length += newCount }
    guard length > 0 else {
      let attention = model.fields.blockShape.attention(.causal(length: newCount), sequenceCount: sequenceCount)
      return model.normed(stack.begin(input, attention: attention, tape: tape), tape: tape)
    }
    let rows = (length..<length + newCount).map { CachedRow(slot: $0, position: $0) }
    return model.normed(stack(input, rows: rows, tape: tape), tape: tape)
  }
}
