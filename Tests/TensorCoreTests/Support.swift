import CPUBackend
import Foundation
import ReferenceBackend
import TensorCore
import Testing

/// A way to run the fast kernels.
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

/// Expects that no difference exceeds `bound` times the largest expected magnitude.
func expectClose(
  _ actual: [Float], _ expected: [Float], within bound: Double, _ what: String,
  sourceLocation: SourceLocation = #_sourceLocation
) {
  let (difference, index, _) = closeness(of: actual, to: expected)
  let scale = expected.reduce(0) { max($0, Double($1.magnitude)) }
  #expect(
    difference <= bound * max(scale, 1e-6),
    """
    \(what): expected \(expected[index]), got \(actual[index]) at \(index); the largest difference is \(difference), \
    allowed \(bound * scale)
    """,
    sourceLocation: sourceLocation)
}

func cosine(_ x: Double) -> Double { cos(x) }
func sine(_ x: Double) -> Double { sin(x) }
