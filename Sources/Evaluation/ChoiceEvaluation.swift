package import Models
package import Parallel
package import TensorCore
internal import TokenData
package import Tokenizers

/// How often a model finds the right choice most likely.
package struct ChoiceResult: Sendable {
  package let questionCount: Int
  /// Sequences whose context lost its beginning, so that they fit into the model.
  package let cutCount: Int
  /// By the sum of the log-likelihoods of a choice's tokens.
  package internal(set) var correctCount = 0
  /// By their mean.
  package internal(set) var correctCountPerToken = 0
  /// By their sum over the bytes of the choice.
  package internal(set) var correctCountPerByte = 0
  /// Of the right choices' tokens, in nats.
  package internal(set) var lossSum = 0.0
  /// Tokens of the right choices.
  package internal(set) var targetCount = 0
  package let tokensPerSecond: Double

  package var accuracy: Double { Double(correctCount) / Double(questionCount) }
  package var accuracyPerToken: Double { Double(correctCountPerToken) / Double(questionCount) }
  package var accuracyPerByte: Double { Double(correctCountPerByte) / Double(questionCount) }
  package var loss: Double { lossSum / Double(targetCount) }
}

/// Choices ranked by their log-likelihood behind a context; the ranks of a group share the sequences.
package struct ChoiceEvaluation {
  private let model: any LanguageModel
  private let backend: any Backend
  private let work: SharedWork
  private let questions: [ChoiceQuestion]
  /// One for each choice, those of a question side by side.
  private let sequences: [ChoiceSequence]
  private let batchSize: Int
  /// Numbers of the sequences from the shortest to the longest: what is computed together has nearly one length.
  private let order: [Int]

  /// - Parameter batchSize: sequences that are computed at a time.
  /// - Throws: ``EvaluationError`` for a choice that no model of this length can score.
  package init(
    _ questions: [ChoiceQuestion], model: any LanguageModel, tokenizer: any Tokenizer, backend: any Backend,
    group: any ProcessGroup, batchSize: Int
  ) throws(EvaluationError) {
    self.model = model
    self.backend = backend
    self.questions = questions
    self.batchSize = batchSize
    work = SharedWork(in: group)
    var sequences: [ChoiceSequence] = []
    for question in questions {
      for choice in question.choices {
        sequences.append(
          try ChoiceSequence(question, choice, tokenizer: tokenizer, longest: model.config.maximumLength))
      }
    }
    self.sequences = sequences
    order = sequences.indices.sorted { (sequences[$0].ids.count, $0) < (sequences[$1].ids.count, $1) }
  }

  package var batchCount: Int { (sequences.count + batchSize - 1) / batchSize }
  /// Tokens of the longest sequence that goes into the model.
  package var longestLength: Int { sequences.reduce(0) { max($0, $1.ids.count - 1) } }

  /// Ranks all choices at `chunkSize`. All ranks call it.
  ///
  /// - Parameter onBatch: called after each batch of this rank with the number of its tokens.
  package func run(chunkSize: Int, onBatch: (Int) -> Void = { _ in }) throws -> ChoiceResult {
    let found = try work.numbers(count: batchCount, width: batchSize) { index in
      let members = Array(members(ofBatch: index))
      let losses = summedLosses(members.map { sequences[$0] }, chunkSize: chunkSize)
      onBatch(members.reduce(0) { $0 + sequences[$1].ids.count - 1 })
      return losses + repeatElement(0, count: batchSize - losses.count)
    }
    var losses = [Double](repeating: 0, count: sequences.count)
    for (index, numbers) in found.pieces.enumerated() {
      for (member, loss) in zip(members(ofBatch: index), numbers) { losses[member] = loss }
    }
    let tokenCount = sequences.reduce(0) { $0 + $1.ids.count - 1 }
    return result(losses, tokensPerSecond: Double(tokenCount) / found.seconds)
  }

  private func members(ofBatch index: Int) -> ArraySlice<Int> {
    order[index * batchSize..<min((index + 1) * batchSize, order.count)]
  }

  /// Summed cross-entropy of each sequence's choice. Shorter sequences are filled up behind their end, which nothing sees.
  private func summedLosses(_ members: [ChoiceSequence], chunkSize: Int) -> [Double] {
    let length = members.reduce(0) { max($0, $1.ids.count - 1) }
    var inputs: [Int32] = []
    var targets: [Int32] = []
    for member in members {
      let filling = length - (member.ids.count - 1)
      inputs += member.ids.dropLast() + repeatElement(0, count: filling)
      targets += repeatElement(TokenBatch.ignored, count: member.start - 1)
      targets += member.ids.dropFirst(member.start) + repeatElement(TokenBatch.ignored, count: filling)
    }
    let scores = model.scores(
      ids: inputs, targets: targets, sampleCount: members.count, length: length, chunkSize: chunkSize,
      tape: Tape(backend: backend, isRecording: false))
    var rest = scores.losses[...]
    return members.map { member in
      defer { rest = rest.dropFirst(member.targetCount) }
      return rest.prefix(member.targetCount).reduce(0.0) { $0 + Double($1) }
    }
  }

  private func result(_ losses: [Double], tokensPerSecond: Double) -> ChoiceResult {
    var result = ChoiceResult(
      questionCount: questions.count, cutCount: sequences.count { $0.cutCount > 0 }, tokensPerSecond: tokensPerSecond)
    var first = 0
    for question in questions {
      let members = first..<first + question.choices.count
      func isRight(_ cost: (Int) -> Double) -> Bool {
        // The first of equals.
        members.min { cost($0) < cost($1) } == first + question.answer
      }
      result.correctCount += isRight { losses[$0] } ? 1 : 0
      result.correctCountPerToken += isRight { losses[$0] / Double(sequences[$0].targetCount) } ? 1 : 0
      result.correctCountPerByte += isRight { losses[$0] / Double(question.choices[$0 - first].utf8.count) } ? 1 : 0
      result.lossSum += losses[first + question.answer]
      result.targetCount += sequences[first + question.answer].targetCount
      first = members.upperBound
    }
    return result
  }
}

/// The ids of a choice behind its context, and which of them are to be predicted.
struct ChoiceSequence {
  let ids: [Int32]
  /// The first id that counts. What the ids of the context and those of context and choice have in common at their
  /// beginning comes before it.
  let start: Int
  /// Ids that were left out at the beginning.
  let cutCount: Int

  var targetCount: Int { ids.count - start }

  /// - Parameter longest: the most ids that go into the model; one more is predicted.
  init(
    _ question: ChoiceQuestion, _ choice: String, tokenizer: any Tokenizer, longest: Int
  ) throws(EvaluationError) {
    let context = tokenizer.encodePrompt(Array(question.context.utf8))
    let whole = tokenizer.encodePrompt(Array((question.context + choice).utf8))
    // Where the choice only changes the last token of the context, that one counts.
    let common = min(zip(context, whole).prefix { $0 == $1 }.count, whole.count - 1)
    guard common > 0 else {
      throw EvaluationError(
        place: "\(question.place): context", found: "no token before a choice", allowed: "at least one")
    }
    cutCount = max(0, whole.count - 1 - longest)
    guard cutCount < common else {
      throw EvaluationError(
        place: "\(question.place): choices", found: "a choice of \(whole.count - common) tokens",
        allowed: "at most \(longest), which the model takes")
    }
    ids = Array(whole.dropFirst(cutCount))
    start = common - cutCount
  }
}
