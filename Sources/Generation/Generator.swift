package import Models
package import TensorCore

/// Continues sequences by running the whole model again for each token: slow, and exact at any chunk size.
package struct Generator {
  private let model: any LanguageModel
  private let backend: any Backend
  private let sampler: Sampler

  package init(model: any LanguageModel, backend: any Backend, sampling: SamplingSettings) {
    self.model = model
    self.backend = backend
    self.sampler = Sampler(sampling)
  }

  /// Appends `count` tokens to each of equally long prompts, fewer where the model's longest sequence is reached.
  ///
  /// - Parameters:
  ///   - prompts: `B` prompts of `P ≥ 1` ids.
  /// - Returns: the new ids of each prompt.
  package func generate(
    _ prompts: [[Int32]], count: Int, chunkSize: Int
  ) -> [[Int32]] {
    precondition(prompts.allSatisfy { $0.count == prompts[0].count && !$0.isEmpty }, "generate: unequal prompts")
    var sequences = prompts
    let room = max(0, model.config.maximumLength - prompts[0].count)
    for _ in 0..<min(count, room) {
      let next = nextTokens(sequences, chunkSize: chunkSize)
      for index in sequences.indices { sequences[index].append(next[index]) }
    }
    return sequences.map { Array($0.dropFirst(prompts[0].count)) }
  }

  private func nextTokens(_ sequences: [[Int32]], chunkSize: Int) -> [Int32] {
    let length = sequences[0].count
    let last = sequences.indices.map { Int32(($0 + 1) * length - 1) }
    let input = ModelInput(
      ids: sequences.flatMap { $0 }, sampleCount: sequences.count, length: length, chunkSize: chunkSize,
      positions: last)
    let logits = model.logits(input, tape: Tape(backend: backend, isRecording: false)).values
    let vocabularySize = model.config.vocabularySize
    return sequences.indices.map {
      sampler.choose(logits[$0 * vocabularySize..<($0 + 1) * vocabularySize], position: length, sequence: $0)
    }
  }
}
