package import TensorCore

/// Sequences that grow token by token, and what a model keeps of their tokens so far.
package protocol DecodeState: AnyObject {
  /// Bytes of keys and values kept, of all sequences.
  var cacheBytes: Int { get }

  /// Takes the next tokens of every sequence; any number of them, all at once.
  ///
  /// - Parameter ids: `[B, n]`, row-major.
  /// - Returns: the hidden states after the last norm that predict what follows, `[B, D]`.
  func advance(_ ids: [Int32]) -> Tensor
}

/// Keeps the tokens alone and runs the whole model again for each new one: slow, and what a cache is compared with.
package final class RecomputedDecodeState: DecodeState {
  package let cacheBytes = 0
  private let model: any LanguageModel
  private let chunkSize: Int
  private let backend: any Backend
  private var sequences: [[Int32]]

  package init(_ model: any LanguageModel, sequenceCount: Int, chunkSize: Int, backend: any Backend) {
    self.model = model
    self.chunkSize = chunkSize
    self.backend = backend
    sequences = Array(repeating: [], count: sequenceCount)
  }

  package func advance(_ ids: [Int32]) -> Tensor {
    let newCount = ids.count / sequences.count
    for index in sequences.indices { sequences[index] += ids[index * newCount..<(index + 1) * newCount] }
    let length = sequences[0].count
    let tape = Tape(backend: backend, isRecording: false)
    let input = ModelInput(
      ids: tape.upload(sequences.flatMap { $0 }), sampleCount: sequences.count, length: length, chunkSize: chunkSize,
      positions: tape.indices(IndexRuns(start: length - 1, stride: length, runCount: sequences.count)))
    return model.hidden(input, tape: tape)
  }
}
