import CPUBackend
import ReferenceBackend
import TensorCore
import Testing

/// A backend in words, for tests that run on many.
struct BackendKind: Hashable, Sendable, CustomTestStringConvertible {
  /// Nil: the slow reference.
  let level: InstructionLevel?
  let threadCount: Int

  static let reference = BackendKind(level: nil, threadCount: 1)
  static let fastest = BackendKind(level: .highest(for: .float32), threadCount: 2)

  /// Every level that this machine has, on one thread and on two.
  static let cpu = InstructionLevel.available.flatMap { level in
    [1, 2].map { BackendKind(level: level, threadCount: $0) }
  }

  var testDescription: String { level.map { "\($0), \(threadCount) threads" } ?? "reference" }

  func make() -> any Backend {
    guard let level else { return ReferenceBackend(poisonsRecycled: false) }
    return CPUBackend(threadCount: threadCount, level: level)
  }
}
