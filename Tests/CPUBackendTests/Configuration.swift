import CPUBackend
import ReferenceBackend
import TensorCore
import Testing

/// A way to run the kernels.
struct Configuration: Sendable, CustomTestStringConvertible {
  let level: InstructionLevel
  let threadCount: Int

  /// Every level that this machine has, on one thread and on two.
  static let all = InstructionLevel.available.flatMap { level in
    [1, 2].map { Configuration(level: level, threadCount: $0) }
  }

  var testDescription: String { "\(level), \(threadCount) threads" }

  func backend() -> CPUBackend { CPUBackend(threadCount: threadCount, level: level) }
}

/// Runs the same calls on a CPU backend and on the reference and compares what they leave in the tensors.
///
/// - Parameters:
///   - bound: largest difference allowed, relative to the largest expected magnitude.
///   - calls: given a backend, makes tensors, calls a kernel, and returns the tensors to compare.
func expectReferenceResults(
  _ configuration: Configuration, within bound: Double, _ what: String = "",
  sourceLocation: SourceLocation = #_sourceLocation, _ calls: (any Backend) -> [Tensor]
) {
  let actual = calls(configuration.backend())
  let expected = calls(ReferenceBackend())
  for (index, pair) in zip(actual, expected).enumerated() {
    expectMatch(
      floats(pair.0), floats(pair.1), within: bound, "\(what) tensor \(index)", sourceLocation: sourceLocation)
  }
}

/// Expects that no difference exceeds `bound` times the largest expected magnitude.
func expectMatch(
  _ actual: [Float], _ expected: [Float], within bound: Double, _ what: String = "",
  sourceLocation: SourceLocation = #_sourceLocation
) {
  let (difference, index, _) = closeness(of: actual, to: expected)
  let magnitude = expected.reduce(0) { max($0, Double($1.magnitude)) }
  #expect(
    difference <= bound * max(magnitude, 1e-30),
    """
    \(what): expected \(expected.isEmpty ? 0 : expected[index]), got \(actual.isEmpty ? 0 : actual[index]) at \(index); \
    the largest difference is \(difference), allowed \(bound * magnitude)
    """,
    sourceLocation: sourceLocation)
}

extension Backend {
  /// A tensor of evenly distributed values in `-scale ..< scale`.
  func random(_ shape: [Int], seed: UInt64, scale: Float = 1) -> Tensor {
    tensor(testValues(count: shape.reduce(1, *), seed: seed, scale: scale), shape, on: self)
  }
}

/// The bits of results, which `==` on floats would compare too kindly.
func bits(_ tensors: [Tensor]) -> [[UInt32]] {
  tensors.map { floats($0).map(\.bitPattern) }
}
