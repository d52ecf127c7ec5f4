package import Models
package import TensorCore

/// Continues sequences token by token.
package struct Generator {
  private let model: any LanguageModel
  private let backend: any Backend
  private let sampler: Sampler
  private let usesCache: Bool

  /// - Parameter usesCache: false to run the whole model again for each token.
  package init(
    model: any LanguageModel, backend: any Backend, sampling: SamplingSettings, usesCache: Bool = true
  ) {
    self.model = model
    self.backend = backend
    self.sampler = Sampler(sampling)
    self.usesCache = usesCache
  }

  /// Appends `count` tokens to each of equally long prompts, fewer where the model's longest sequence is reached.
  ///
  /// - Parameter prompts: `B` prompts of `P ≥ 1` ids, `P` at most the model's longest sequence.
  /// - Throws: ``GenerationError`` if a logit is not finite.
  package func generate(
    _ prompts: [[Int32]], count: Int, chunkSize: Int
  ) throws(GenerationError) -> Continuations {
    precondition(prompts.allSatisfy { $0.count == prompts[0].count && !$0.isEmpty }, "generate: unequal prompts")
    let promptLength = prompts[0].count
    let newCount = min(count, max(0, model.config.maximumLength - promptLength))
    let state = makeDecodeState(
      sequenceCount: prompts.count, length: promptLength + newCount, chunkSize: chunkSize)
    var result = Continuations(sequenceCount: prompts.count, cacheBytes: state.cacheBytes)
    var histories = sampler.hasPenalties ? prompts.map { TokenHistory(prompt: $0) } : []
    var next = prompts.flatMap { $0 }
    let clock = ContinuousClock()
    for step in 0..<newCount {
      let start = clock.now
      next = try nextTokens(state.advance(next), position: promptLength + step, histories)
      for index in histories.indices { histories[index].append(next[index]) }
      for index in prompts.indices { result.tokens[index].append(next[index]) }
      if step == 0 { result.prefillTime = clock.now - start } else { result.decodeTime += clock.now - start }
    }
    return result
  }

  private func makeDecodeState(sequenceCount: Int, length: Int, chunkSize: Int) -> any DecodeState {
    usesCache
      ? model.makeDecodeState(
        sequenceCount: sequenceCount, length: length, chunkSize: chunkSize, backend: backend)
      : RecomputedDecodeState(model, sequenceCount: sequenceCount, chunkSize: chunkSize, backend: backend)
  }

  /// - Parameters:
  ///   - hidden: `[B, D]`.
  ///   - position: tokens before the new ones.
  private func nextTokens(
    _ hidden: Tensor, position: Int, _ histories: [TokenHistory]
  ) throws(GenerationError) -> [Int32] {
    let tape = Tape(backend: backend, isRecording: false)
    let logits = tape.linear(hidden, weight: model.head)  // [B, V]
    // What leaves the backend's memory, once a token: the ids alone where no draw needs the logits.
    if !sampler.needsLogits {
      let ids = tape.argmax(logits).indices
      if ids.contains(where: { $0 < 0 }) { try checkFinite(logits.values, position: position) }
      return ids
    }
    let values = logits.values
    try checkFinite(values, position: position)
    let width = logits.rowWidth
    return (0..<hidden.rowCount).map { row in
      sampler.choose(
        values[row * width..<(row + 1) * width], position: position, sequence: row,
        history: histories.isEmpty ? nil : histories[row]
      ).id
    }
  }

  private func checkFinite(_ logits: [Float], position: Int) throws(GenerationError) {
    guard let index = logits.firstIndex(where: { !$0.isFinite }) else { return }
    throw .notFinite(position: position, id: index % model.config.vocabularySize, logit: logits[index])
  }
}

/// Why generation cannot go on.
package enum GenerationError: Error, CustomStringConvertible {
  /// The model gives no distribution for the token after `position` others.
  case notFinite(position: Int, id: Int, logit: Float)

  package var description: String {
    switch self {
    case .notFinite(let position, let id, let logit):
      "token \(position + 1): the logit of id \(id) is \(logit), allowed: finite numbers; the model's weights are "
        + "too large or damaged"
    }
  }
}

/// What generation gave, and what it took.
package struct Continuations: Sendable {
  /// New ids of each prompt.
  package internal(set) var tokens: [[Int32]]
  /// Bytes of keys and values kept, of all sequences.
  package let cacheBytes: Int
  /// Prefill: time to the first new token.
  package internal(set) var prefillTime = Duration.zero
  /// Decoding: time for all further ones.
  package internal(set) var decodeTime = Duration.zero

  init(sequenceCount: Int, cacheBytes: Int) {
    tokens = Array(repeating: [], count: sequenceCount)
    self.cacheBytes = cacheBytes
  }

  /// New tokens of all sequences a second, from the second new token of each on; nil if there is none.
  package var tokensPerSecond: Double? {
    guard let count = tokens.first?.count, count > 1 else { return nil }
    return Double(tokens.count * (count - 1)) / (decodeTime / .seconds(1))
  }
}
