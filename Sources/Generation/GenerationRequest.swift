package import Models

/// A text to be continued.
package struct GenerationRequest: Sendable {
  /// At least one id, fewer than the model's longest sequence has.
  package var prompt: [Int32]
  /// C; ignored by models without chunks.
  package var chunkSize: Int
  /// Most new tokens, at least one; fewer where the model's longest sequence is reached.
  package var maximumCount: Int
  package var sampling: SamplingSettings
  /// Ids that end the continuation; the one that does is its last token.
  package var stopIDs: Set<Int32>
  /// Which of several continuations of a prompt: they draw differently.
  package var sample: Int

  package init(
    prompt: [Int32], chunkSize: Int, maximumCount: Int, sampling: SamplingSettings = SamplingSettings(),
    stopIDs: Set<Int32> = [], sample: Int = 0
  ) {
    self.prompt = prompt
    self.chunkSize = chunkSize
    self.maximumCount = maximumCount
    self.sampling = sampling
    self.stopIDs = stopIDs
    self.sample = sample
  }

  /// The most tokens that it may come to in a model of that length.
  package func size(longest: Int) -> SequenceSize {
    SequenceSize(length: prompt.count + newCount(longest: longest), chunkSize: chunkSize)
  }

  /// The most new tokens in a model of that length.
  func newCount(longest: Int) -> Int { min(maximumCount, max(0, longest - prompt.count)) }
}

/// Why a continuation is at its end.
package enum GenerationEnd: String, Hashable, Sendable {
  /// It has as many tokens as it should.
  case maximumTokens = "max_tokens"
  /// The model's longest sequence is full.
  case longestSequence = "longest_sequence"
  /// The model gave an id that ends it.
  case stopID = "stop_id"
  /// Its text holds what ends it.
  case stopText = "stop_text"
}

/// What a step of a session added to one sequence.
package struct NewToken: Sendable {
  /// As ``GenerationSession/add(_:)`` called it.
  package let sequence: Int
  package let token: ChosenToken
  /// Nil where it goes on. Where it does not, the sequence is gone.
  package let end: GenerationEnd?
}

/// Why generation cannot go on, or cannot begin.
package enum GenerationError: Error, CustomStringConvertible {
  /// The model gives no distribution for the token after `position` others.
  case notFinite(position: Int, id: Int, logit: Float)
  /// A prompt of so many tokens for a model of that length.
  case promptLength(Int, longest: Int)
  case unknownID(Int32, vocabularySize: Int)

  package var description: String {
    switch self {
    case .notFinite(let position, let id, let logit):
      "token \(position + 1): the logit of id \(id) is \(logit), allowed: finite numbers; the model's weights are "
        + "too large or damaged"
    case .promptLength(let count, let longest):
      "prompt: found \(count) tokens, allowed: 1 to \(longest - 1)"
    case .unknownID(let id, let vocabularySize):
      "prompt: found id \(id), allowed: 0 to \(vocabularySize - 1)"
    }
  }
}
