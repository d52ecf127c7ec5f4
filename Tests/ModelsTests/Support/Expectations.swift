import Models
import ReferenceBackend
import Testing

/// Expects that no difference exceeds `bound` times the largest expected magnitude.
func expectClose(
  _ actual: [Float], _ expected: [Double], within bound: Double, _ what: String,
  sourceLocation: SourceLocation = #_sourceLocation
) {
  guard actual.count == expected.count else {
    Issue.record("\(what): expected \(expected.count) values, got \(actual.count)", sourceLocation: sourceLocation)
    return
  }
  let scale = expected.reduce(0) { max($0, $1.magnitude) }
  var (largest, place) = (0.0, 0)
  for index in actual.indices {
    let difference = abs(Double(actual[index]) - expected[index])
    if !(difference <= largest) { (largest, place) = (difference, index) }
  }
  #expect(
    largest <= bound * scale,
    """
    \(what): expected \(expected.isEmpty ? 0 : expected[place]), got \(actual.isEmpty ? 0 : actual[place]) at \(place); \
    the largest difference is \(largest), allowed \(bound * scale)
    """,
    sourceLocation: sourceLocation)
}

/// Expects that no difference exceeds `bound` times the largest expected magnitude.
func expectClose(
  _ actual: [Float], _ expected: [Float], within bound: Double, _ what: String,
  sourceLocation: SourceLocation = #_sourceLocation
) {
  expectClose(actual, expected.map(Double.init), within: bound, what, sourceLocation: sourceLocation)
}

/// Expects logits that a model gives in two ways, which differ by nothing but the order in which its products add.
///
/// BLAS adds in an order that depends on the number of rows, differently for each processor, so that results differ as if
/// each weight were off by about a unit in its last place. What becomes of that depends on the model: a norm makes as
/// much of an error as it makes of its row, and a row may be nearly zero. So the logits are made with weights that are
/// one such unit off, up or down by lot, and may differ by four times as much as that changes them.
func expectSameLogits(
  of model: any LanguageModel, _ what: String, sourceLocation: SourceLocation = #_sourceLocation,
  _ ways: (one: () -> [Float], other: () -> [Float])
) {
  let (one, other) = (ways.one(), ways.other())
  let weights = model.parameters.weights.values
  defer { model.parameters.weights.assign(weights) }
  let effects = (0..<4).map { (draw: UInt64) -> Double in
    let signs = testValues(count: weights.count, seed: draw)
    model.parameters.weights.assign(zip(weights, signs).map { $1 < 0 ? $0.nextDown : $0.nextUp })
    return closeness(of: ways.one(), to: one).largestDifference
  }
  let allowed = 4 * (effects.max() ?? 0)
  let (difference, place, _) = closeness(of: other, to: one)
  #expect(
    difference <= allowed,
    "\(what): \(one[place]) or \(other[place]) at \(place); the difference is \(difference), allowed \(allowed)",
    sourceLocation: sourceLocation)
}
