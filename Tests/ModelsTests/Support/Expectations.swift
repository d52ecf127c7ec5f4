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
