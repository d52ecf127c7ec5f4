/// Samples of equal length with what is to be predicted at each position.
package struct TokenBatch: Hashable, Sendable {
  /// A target that does not count.
  package static let ignored: Int32 = -100

  /// `[B, T]`, row-major.
  package let inputs: [Int32]
  /// `[B, T]`: the id that follows the input at the same place, or ``ignored``.
  package let targets: [Int32]
  /// B.
  package let sampleCount: Int
  /// T.
  package let length: Int
  /// Targets that count.
  package let targetCount: Int

  package init(inputs: [Int32], targets: [Int32], sampleCount: Int, length: Int) {
    precondition(
      inputs.count == sampleCount * length && targets.count == inputs.count,
      "batch: \(inputs.count) inputs, \(targets.count) targets, \(sampleCount) × \(length)")
    self.inputs = inputs
    self.targets = targets
    self.sampleCount = sampleCount
    self.length = length
    self.targetCount = targets.count { $0 != Self.ignored }
  }
}
