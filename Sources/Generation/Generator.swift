package import Models
package import TensorCore

/// Continues prompts at one chunk size and with one way to choose tokens, all of them together.
package struct Generator {
  private let model: any LanguageModel
  private let backend: any Backend
  private let sampling: SamplingSettings
  private let usesCache: Bool

  /// - Parameter usesCache: false to run the whole model again for each token.
  package init(
    model: any LanguageModel, backend: any Backend, sampling: SamplingSettings, usesCache: Bool = true
  ) {
    self.model = model
    self.backend = backend
    self.sampling = sampling
    self.usesCache = usesCache
  }

  /// Appends `count` tokens to each prompt, fewer where the model's longest sequence is reached.
  ///
  /// - Parameter prompts: of at least one id and at most the model's longest sequence each.
  /// - Throws: ``GenerationError`` if a logit is not finite.
  package func generate(
    _ prompts: [[Int32]], count: Int, chunkSize: Int
  ) throws(GenerationError) -> Continuations {
    let longest = model.config.maximumLength
    let requests = prompts.enumerated().filter { count > 0 && $0.element.count < longest }.map { index, prompt in
      GenerationRequest(
        prompt: prompt, chunkSize: chunkSize, maximumCount: count, sampling: sampling, sample: index)
    }
    let session = GenerationSession(
      model, room: model.room(for: requests.map { $0.size(longest: longest) }), backend: backend, usesCache: usesCache)
    var result = Continuations(sequenceCount: prompts.count, cacheBytes: session.cacheBytes)
    var indices: [Int: Int] = [:]
    for request in requests {
      guard let name = try session.add(request) else { preconditionFailure("generate: no room for a prompt") }
      indices[name] = request.sample
    }
    let clock = ContinuousClock()
    while !session.isEmpty {
      let start = clock.now
      let isFirst = result.prefillTime == .zero
      for new in try session.step() {
        if let index = indices[new.sequence] { result.tokens[index].append(new.token.id) }
      }
      if isFirst { result.prefillTime = clock.now - start } else { result.decodeTime += clock.now - start }
    }
    return result
  }
}

/// What generation gave, and what it took.
package struct Continuations: Sendable {
  /// New ids of each prompt.
  package internal(set) var tokens: [[Int32]]
  /// Bytes of keys and values kept, of all sequences.
  package let cacheBytes: Int
  /// Time to the first new token.
  package internal(set) var prefillTime = Duration.zero
  /// Time for all further ones.
  package internal(set) var decodeTime = Duration.zero

  init(sequenceCount: Int, cacheBytes: Int) {
    tokens = Array(repeating: [], count: sequenceCount)
    self.cacheBytes = cacheBytes
  }

  /// New tokens of all sequences a second, from the second new token of each on; nil if there is none.
  package var tokensPerSecond: Double? {
    let count = tokens.reduce(0) { $0 + max(0, $1.count - 1) }
    return count > 0 ? Double(count) / (decodeTime / .seconds(1)) : nil
  }
}
