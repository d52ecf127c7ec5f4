package import TensorCore

/// Keeps the tokens alone and runs the whole model again for each new one: slow, and what a cache is compared with.
package final class RecomputedDecodeState: DecodeState {
  package let cacheBytes = 0
  package let takesPortions = true
  private let model: any LanguageModel
  private let tape: Tape
  private var sequences: [Int: (ids: [Int32], chunkSize: Int)] = [:]
  private var addedCount = 0

  package init(_ model: any LanguageModel, backend: any Backend) {
    self.model = model
    tape = Tape(backend: backend, isRecording: false)
  }

  package func add(length: Int, chunkSize: Int) -> Int? {
    sequences[addedCount] = ([], chunkSize)
    addedCount += 1
    return addedCount - 1
  }

  package func remove(_ sequence: Int) {
    sequences[sequence] = nil
  }

  package func advance(_ portions: [SequenceTokens]) -> Tensor {
    let whole = portions.map { portion in
      sequences[portion.sequence]?.ids += portion.ids
      return SequenceTokens(portion.sequence, sequences[portion.sequence]?.ids ?? [])
    }
    let passes = DecodePass.passes(whole) { SequenceSize(length: 0, chunkSize: sequences[$0]?.chunkSize ?? 1) }
    return DecodePass.run(passes, tape: tape) { pass in
      let input = ModelInput(
        ids: tape.upload(pass.ids), sampleCount: pass.parts.count, length: pass.length,
        chunkSize: sequences[pass.parts[0].sequence]?.chunkSize ?? 1,
        positions: tape.indices(
          IndexRuns(start: pass.length - 1, stride: pass.length, runCount: pass.parts.count)))
      return model.hidden(input, tape: tape)
    }
  }
}
