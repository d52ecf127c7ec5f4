package import Models
package import TensorCore

/// Sequences that are continued together: they come and go, each with a prompt, a chunk size and settings of its own.
///
/// A step gives one new token to each sequence whose prompt is through, and takes a portion of the prompts of the others.
/// What a sequence draws is a function of its own settings and tokens; which others there are changes no more of its
/// logits than their rounding.
package final class GenerationSession {
  private struct Sequence {
    let request: GenerationRequest
    /// What the decode state calls it.
    let number: Int
    let sampler: Sampler
    /// Most new tokens.
    let newCount: Int
    /// Tokens that the model has yet to take: the rest of the prompt, or the newest token.
    var pending: ArraySlice<Int32>
    /// Tokens that the model took.
    var takenCount = 0
    var addedCount = 0
    var history: TokenHistory?
  }

  private let model: any LanguageModel
  private let state: any DecodeState
  private let tape: Tape
  private let promptTokensPerStep: Int
  private var sequences: [Int: Sequence] = [:]
  /// Of the sequences, in the order in which they came.
  private var order: [Int] = []
  private var addedCount = 0

  /// - Parameters:
  ///   - room: for the sequences that are there at the same time.
  ///   - promptTokensPerStep: most tokens of prompts that a step takes, so that the sequences beside them go on; of a
  ///     model that takes prompts whole, and of one that is longer, a step takes one prompt.
  ///   - usesCache: false to run the whole model again for each token; there is room for any sequences then.
  package init(
    _ model: any LanguageModel, room: DecodeRoom, backend: any Backend, promptTokensPerStep: Int = .max,
    usesCache: Bool = true
  ) {
    self.model = model
    self.promptTokensPerStep = max(1, promptTokensPerStep)
    tape = Tape(backend: backend, isRecording: false)
    state =
      usesCache ? model.makeDecodeState(room, backend: backend) : RecomputedDecodeState(model, backend: backend)
  }

  /// Bytes of keys and values, of all sequences that there is room for.
  package var cacheBytes: Int { state.cacheBytes }
  package var isEmpty: Bool { order.isEmpty }

  /// Takes a new sequence.
  ///
  /// - Returns: what it is called; nil where there is no room for it until others are gone.
  /// - Throws: ``GenerationError`` for a prompt that the model cannot take.
  package func add(_ request: GenerationRequest) throws(GenerationError) -> Int? {
    let longest = model.config.maximumLength
    precondition(request.maximumCount > 0, "session: \(request.maximumCount) new tokens")
    guard (1..<longest).contains(request.prompt.count) else {
      throw .promptLength(request.prompt.count, longest: longest)
    }
    let vocabularySize = model.config.vocabularySize
    if let id = request.prompt.first(where: { !(0..<vocabularySize).contains(Int($0)) }) {
      throw .unknownID(id, vocabularySize: vocabularySize)
    }
    let size = request.size(longest: longest)
    guard let number = state.add(length: size.length, chunkSize: size.chunkSize) else { return nil }
    let sampler = Sampler(request.sampling)
    let name = addedCount
    addedCount += 1
    order.append(name)
    sequences[name] = Sequence(
      request: request, number: number, sampler: sampler, newCount: request.newCount(longest: longest),
      pending: request.prompt[...], history: sampler.hasPenalties ? TokenHistory(prompt: request.prompt) : nil)
    return name
  }

  /// Forgets a sequence, whose room others may take.
  package func remove(_ name: Int) {
    guard let sequence = sequences.removeValue(forKey: name) else { return }
    state.remove(sequence.number)
    order.removeAll { $0 == name }
  }

  /// Takes one step with all sequences.
  ///
  /// - Returns: the new tokens, in the order in which their sequences came; none where only prompts went on.
  /// - Throws: ``GenerationError`` if a logit is not finite.
  package func step() throws(GenerationError) -> [NewToken] {
    var portions: [SequenceTokens] = []
    // The sequences that get a token, and their rows among those of the portions.
    var names: [Int] = []
    var rows: [Int32] = []
    var promptRoom = promptTokensPerStep
    for name in order {
      guard var sequence = sequences[name] else { continue }
      let count = sequence.addedCount > 0 ? 1 : promptCount(sequence, room: promptRoom)
      guard count > 0 else { continue }
      if sequence.addedCount == 0 { promptRoom = max(0, promptRoom - count) }
      portions.append(SequenceTokens(sequence.number, Array(sequence.pending.prefix(count))))
      sequence.pending = sequence.pending.dropFirst(count)
      sequence.takenCount += count
      sequences[name] = sequence
      guard sequence.pending.isEmpty else { continue }
      names.append(name)
      rows.append(Int32(portions.count - 1))
    }
    guard !portions.isEmpty else { return [] }
    let hidden = state.advance(portions)
    guard !names.isEmpty else { return [] }
    return try tokens(
      rows.count == portions.count ? hidden : tape.select(hidden, rows: RowSelection(tape.upload(rows))), of: names)
  }

  /// Tokens of a sequence's prompt that a step takes: where it does not take all, those to the end of a chunk.
  private func promptCount(_ sequence: Sequence, room: Int) -> Int {
    let rest = sequence.pending.count
    if rest <= room { return rest }
    let isFirst = room == promptTokensPerStep
    guard state.takesPortions else { return isFirst ? rest : 0 }
    let chunkSize = sequence.request.chunkSize
    let aligned = (sequence.takenCount + room) / chunkSize * chunkSize - sequence.takenCount
    return aligned > 0 ? aligned : isFirst ? room : 0
  }

  /// - Parameter hidden: `[names, D]`.
  private func tokens(_ hidden: Tensor, of names: [Int]) throws(GenerationError) -> [NewToken] {
    let logits = tape.linear(hidden, weight: model.head)  // [names, V]
    // What leaves the backend's memory, once a step: the ids alone where no choice needs the logits.
    guard names.contains(where: { sequences[$0]?.sampler.needsLogits == true }) else {
      let ids = tape.argmax(logits).indices
      if ids.contains(where: { $0 < 0 }) { try checkFinite(logits.values, names) }
      return zip(names, ids).map { add(ChosenToken(id: $1), to: $0) }
    }
    let values = logits.values
    try checkFinite(values, names)
    let width = logits.rowWidth
    return names.enumerated().compactMap { row, name in
      guard let sequence = sequences[name] else { return nil }
      let token = sequence.sampler.choose(
        values[row * width..<(row + 1) * width], position: sequence.takenCount, sequence: sequence.request.sample,
        history: sequence.history)
      return add(token, to: name)
    }
  }

  private func add(_ token: ChosenToken, to name: Int) -> NewToken {
    guard var sequence = sequences[name] else { preconditionFailure("session: there is no sequence \(name)") }
    sequence.addedCount += 1
    sequence.pending = [token.id]
    sequence.history?.append(token.id)
    sequences[name] = sequence
    let end = end(sequence, token.id)
    if end != nil { remove(name) }
    return NewToken(sequence: name, token: token, end: end)
  }

  private func end(_ sequence: Sequence, _ id: Int32) -> GenerationEnd? {
    if sequence.request.stopIDs.contains(id) { return .stopID }
    guard sequence.addedCount == sequence.newCount else { return nil }
    return sequence.newCount == sequence.request.maximumCount ? .maximumTokens : .longestSequence
  }

  private func checkFinite(_ logits: [Float], _ names: [Int]) throws(GenerationError) {
    guard let index = logits.firstIndex(where: { !$0.isFinite }) else { return }
    let (row, id) = index.quotientAndRemainder(dividingBy: model.config.vocabularySize)
    throw .notFinite(position: sequences[names[row]]?.takenCount ?? 0, id: id, logit: logits[index])
  }
}
