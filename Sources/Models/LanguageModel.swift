package import Layers
package import TensorCore

/// Token ids on their way through a model, in the memory of its backend.
package struct ModelInput {
  /// Those of each sequence after those of the one before; `[B·T]` if all are equally long.
  package let ids: Tensor
  package let sequences: Sequences
  /// Chunk size of this call; ignored by models without chunks.
  package let chunkSize: Int
  /// Places in `ids` whose hidden state is wanted, each at most once; nil for all.
  package let positions: Tensor?

  package init(
    ids: [Int32], sampleCount: Int, length: Int, chunkSize: Int, positions: [Int32]? = nil,
    on backend: any Backend
  ) {
    self.init(
      ids: Tensor(indices: ids, pool: backend.pool), sampleCount: sampleCount, length: length, chunkSize: chunkSize,
      positions: positions.map { Tensor(indices: $0, pool: backend.pool) })
  }

  package init(ids: Tensor, sampleCount: Int, length: Int, chunkSize: Int, positions: Tensor?) {
    self.init(
      ids: ids, sequences: Sequences(count: sampleCount, length: length), chunkSize: chunkSize, positions: positions)
  }

  package init(ids: Tensor, sequences: Sequences, chunkSize: Int, positions: Tensor?) {
    precondition(ids.count == sequences.tokenCount, "input: \(ids.count) ids of \(sequences)")
    self.ids = ids
    self.sequences = sequences
    self.chunkSize = chunkSize
    self.positions = positions
  }
}

/// A causal language model: ids to hidden states to logits. Blind to ranks, files and schedules.
package protocol LanguageModel: AnyObject {
  var config: ModelConfig { get }
  var parameters: ParameterStore { get }
  /// The output projection `[V, D]`.
  var head: Tensor { get }

  /// Hidden states after the last norm, `[wanted positions, D]`: what the head turns into the next token's logits.
  func hidden(_ input: ModelInput, tape: Tape) -> Tensor

  /// Slots that generation keeps for a sequence of `length` tokens, in each arena of a ``DecodeRoom``.
  ///
  /// - Parameter chunkSize: C; ignored by models without chunks.
  func slotCounts(length: Int, chunkSize: Int) -> [Int]
  /// Room for sequences to be continued token by token.
  func makeDecodeState(_ room: DecodeRoom, backend: any Backend) -> any DecodeState
}

extension LanguageModel {
  /// Next-token logits of the wanted positions, `[positions, V]`.
  package func logits(_ input: ModelInput, tape: Tape) -> Tensor {
    tape.linear(hidden(input, tape: tape), weight: head)
  }

  /// Summed cross-entropy over all positions whose target is not ignored; while recording, its gradient as well.
  ///
  /// - Parameters:
  ///   - ids: those of each sequence after those of the one before.
  ///   - targets: one for each id; negative entries are ignored, and nothing that only they need is computed.
  ///   - lengths: tokens of each sequence. A sequence sees nothing of the others; those of equal length stand side by side,
  ///     or they are computed as if they differed.
  ///   - gradientScale: factor of the gradient: one over the number of targets in the whole step's batch.
  package func loss(
    ids: [Int32], targets: [Int32], lengths: [Int], chunkSize: Int, gradientScale: Float, countsCorrect: Bool = false,
    tape: Tape
  ) -> HeadResult {
    let wanted = WantedTargets(targets, ids: ids)
    return tape.headLoss(
      hidden(wanted.input(ids, lengths, chunkSize, tape), tape: tape), weight: head,
      targets: tape.upload(wanted.targets), gradientScale: gradientScale, countsCorrect: countsCorrect)
  }

  /// As above, of sequences that are all equally long: `[B, T]`.
  package func loss(
    ids: [Int32], targets: [Int32], sampleCount: Int, length: Int, chunkSize: Int, gradientScale: Float,
    countsCorrect: Bool = false, tape: Tape
  ) -> HeadResult {
    loss(
      ids: ids, targets: targets, lengths: Array(repeating: length, count: sampleCount), chunkSize: chunkSize,
      gradientScale: gradientScale, countsCorrect: countsCorrect, tape: tape)
  }

  /// What the model says of each target that is not ignored, in the order of the batch.
  ///
  /// - Parameters: as of the loss.
  package func scores(
    ids: [Int32], targets: [Int32], lengths: [Int], chunkSize: Int, tape: Tape
  ) -> TargetScores {
    let wanted = WantedTargets(targets, ids: ids)
    guard !wanted.targets.isEmpty else { return TargetScores(losses: [], best: []) }
    let found = tape.headScores(
      hidden(wanted.input(ids, lengths, chunkSize, tape), tape: tape), weight: head,
      targets: tape.upload(wanted.targets))
    return TargetScores(losses: found.losses.values, best: found.best.indices)
  }

  /// As above, of sequences that are all equally long: `[B, T]`.
  package func scores(
    ids: [Int32], targets: [Int32], sampleCount: Int, length: Int, chunkSize: Int, tape: Tape
  ) -> TargetScores {
    scores(
      ids: ids, targets: targets, lengths: Array(repeating: length, count: sampleCount), chunkSize: chunkSize,
      tape: tape)
  }
}

/// What a model says of targets, one after the other.
package struct TargetScores: Sendable {
  /// Cross-entropy, in nats.
  package let losses: [Float]
  /// The most likely id in the target's place; −1 where a logit is not finite.
  package let best: [Int32]
}

/// The targets of a batch that count, and where they are.
private struct WantedTargets {
  let targets: [Int32]
  /// Places in the batch; nil for all.
  private let positions: [Int32]?

  init(_ targets: [Int32], ids: [Int32]) {
    precondition(ids.count == targets.count, "loss: \(ids.count) ids, \(targets.count) targets")
    let wanted = targets.indices.filter { targets[$0] >= 0 }
    let areAll = wanted.count == targets.count
    self.targets = areAll ? targets : wanted.map { targets[$0] }
    positions = areAll ? nil : wanted.map(Int32.init)
  }

  func input(_ ids: [Int32], _ lengths: [Int], _ chunkSize: Int, _ tape: Tape) -> ModelInput {
    let sequences = Sequences(lengths: lengths)
    // Lengths that differ are seldom those of another batch.
    tape.indicesRecur = sequences.haveEqualLengths
    return ModelInput(
      ids: tape.upload(ids), sequences: sequences, chunkSize: chunkSize,
      positions: positions.map { tape.upload($0) }
        ?? tape.indices(IndexRuns(stride: 0, runCount: 1, length: targets.count)))
  }
}
