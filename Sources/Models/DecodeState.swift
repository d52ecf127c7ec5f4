package import TensorCore

/// Tokens that a sequence takes next.
package struct SequenceTokens {
  /// As ``DecodeState/add(length:chunkSize:)`` called it.
  package let sequence: Int
  /// At least one.
  package let ids: [Int32]

  package init(_ sequence: Int, _ ids: [Int32]) {
    self.sequence = sequence
    self.ids = ids
  }
}

/// Sequences that come, grow and go, each at a length and a chunk size of its own, and what a model keeps of their tokens.
package protocol DecodeState: AnyObject {
  /// Bytes of keys and values, of all sequences that there is room for.
  var cacheBytes: Int { get }
  /// Whether the first tokens of a sequence may as well come in portions as all at once.
  var takesPortions: Bool { get }

  /// A new sequence without tokens.
  ///
  /// - Parameters:
  ///   - length: most tokens that it will have.
  ///   - chunkSize: C; ignored by models without chunks.
  /// - Returns: what it is called until it is removed; nil where there is no room for it now.
  func add(length: Int, chunkSize: Int) -> Int?
  /// Forgets a sequence, whose room others may take.
  func remove(_ sequence: Int)
  /// Takes the next tokens of some sequences, each at most once.
  ///
  /// - Returns: the hidden states after the last norm that predict what follows the tokens of each portion,
  ///   `[portions, D]`.
  func advance(_ portions: [SequenceTokens]) -> Tensor
}

/// Memory for sequences that are there at the same time.
package struct DecodeRoom: Hashable, Sendable {
  package let sequenceCount: Int
  /// Slots in each arena of the model, all layers of which share it: ``LanguageModel/slotCounts(length:chunkSize:)``.
  package let slotCounts: [Int]

  package init(sequenceCount: Int, slotCounts: [Int]) {
    self.sequenceCount = sequenceCount
    self.slotCounts = slotCounts
  }
}

/// The most tokens that a sequence will have, and its chunk size.
package struct SequenceSize: Hashable, Sendable {
  package let length: Int
  /// C; ignored by models without chunks.
  package let chunkSize: Int

  package init(length: Int, chunkSize: Int) {
    self.length = length
    self.chunkSize = chunkSize
  }
}

extension LanguageModel {
  /// Room for sequences of these sizes, all at the same time.
  package func room(for sizes: [SequenceSize]) -> DecodeRoom {
    let counts = sizes.map { slotCounts(length: $0.length, chunkSize: $0.chunkSize) }
    let arenaCount = slotCounts(length: 0, chunkSize: config.chunkSizes?.lowerBound ?? 1).count
    return DecodeRoom(
      sequenceCount: sizes.count,
      slotCounts: (0..<arenaCount).map { arena in counts.reduce(0) { $0 + $1[arena] } })
  }

  /// Empty sequences of the same size that grow together.
  package func makeDecodeState(
    sequenceCount: Int, length: Int, chunkSize: Int, backend: any Backend
  ) -> LockstepSequences {
    let size = SequenceSize(length: length, chunkSize: chunkSize)
    let room = room(for: Array(repeating: size, count: sequenceCount))
    return LockstepSequences(
      makeDecodeState(room, backend: backend), sequenceCount: sequenceCount, length: length, chunkSize: chunkSize)
  }
}

/// Sequences of the same size that take their tokens together.
package struct LockstepSequences {
  private let state: any DecodeState
  private let sequences: [Int]

  /// - Parameter state: has room for as many.
  package init(_ state: any DecodeState, sequenceCount: Int, length: Int, chunkSize: Int) {
    self.state = state
    sequences = (0..<sequenceCount).map { _ in
      guard let sequence = state.add(length: length, chunkSize: chunkSize) else {
        preconditionFailure("decode state: no room for \(sequenceCount) sequences of \(length)")
      }
      return sequence
    }
  }

  /// Bytes of keys and values, of all sequences.
  package var cacheBytes: Int { state.cacheBytes }

  /// Takes the next tokens of every sequence; any number of them, all at once.
  ///
  /// - Parameter ids: `[B, n]`, row-major.
  /// - Returns: the hidden states after the last norm that predict what follows, `[B, D]`.
  package func advance(_ ids: [Int32]) -> Tensor {
    let newCount = ids.count / sequences.count
    return state.advance(
      sequences.enumerated().map { index, sequence in
        SequenceTokens(sequence, Array(ids[index * newCount..<(index + 1) * newCount]))
      })
  }
}
