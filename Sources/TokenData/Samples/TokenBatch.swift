/// Sequences with what is to be predicted at each of their ids.
///
/// A sample is one sequence; where it is cut at the boundaries of documents, it is several, or none.
package struct TokenBatch: Hashable, Sendable {
  /// A target that does not count.
  package static let ignored: Int32 = -100

  /// Those of each sequence after those of the one before.
  package let inputs: [Int32]
  /// For each input the id that follows it, or ``ignored``.
  package let targets: [Int32]
  /// Inputs of each sequence; equal ones stand side by side.
  package let lengths: [Int]
  /// Targets that count.
  package let targetCount: Int

  /// - Parameters:
  ///   - inputs: `[B, T]`, row-major.
  ///   - targets: `[B, T]`.
  ///   - sampleCount: B.
  ///   - length: T.
  package init(inputs: [Int32], targets: [Int32], sampleCount: Int, length: Int) {
    self.init(inputs: inputs, targets: targets, lengths: Array(repeating: length, count: sampleCount))
  }

  package init(inputs: [Int32], targets: [Int32], lengths: [Int]) {
    precondition(
      inputs.count == lengths.reduce(0, +) && targets.count == inputs.count,
      "batch: \(inputs.count) inputs, \(targets.count) targets, lengths \(lengths)")
    self.inputs = inputs
    self.targets = targets
    self.lengths = lengths
    self.targetCount = targets.count { $0 != Self.ignored }
  }
}

/// Ids on their way into a batch: stretches in which each id but the first is the target of the one before.
struct TokenStretches {
  private var inputs: [Int32] = []
  private var targets: [Int32] = []
  private var lengths: [Int] = []

  /// - Parameter count: of inputs, expected.
  init(reserving count: Int) {
    inputs.reserveCapacity(count)
    targets.reserveCapacity(count)
  }

  /// Adds a sequence of `ids.count - 1` inputs; nothing if that is none.
  mutating func append(_ ids: ArraySlice<Int32>) {
    guard ids.count > 1 else { return }
    inputs += ids.dropLast()
    targets += ids.dropFirst()
    lengths.append(ids.count - 1)
  }

  /// All sequences, shorter ones first; those of equal length in the order in which they came.
  var batch: TokenBatch {
    let isSorted = zip(lengths, lengths.dropFirst()).allSatisfy { $0 <= $1 }
    guard !isSorted else { return TokenBatch(inputs: inputs, targets: targets, lengths: lengths) }
    var starts: [Int] = []
    var start = 0
    for length in lengths {
      starts.append(start)
      start += length
    }
    let order = lengths.indices.sorted { (lengths[$0], $0) < (lengths[$1], $1) }
    func sorted(_ ids: [Int32]) -> [Int32] { order.flatMap { ids[starts[$0]..<starts[$0] + lengths[$0]] } }
    return TokenBatch(inputs: sorted(inputs), targets: sorted(targets), lengths: order.map { lengths[$0] })
  }
}
