import Parallel
import Testing

/// The groups that one test body runs on.
enum GroupKind: Sendable, CustomTestStringConvertible {
  case solo
  case threads(Int)
  /// The processes of the launcher; only within ``MPIRun``.
  case mpi

  static let withoutLauncher: [GroupKind] = [.solo, .threads(1), .threads(2), .threads(3), .threads(4)]

  var testDescription: String {
    switch self {
    case .solo: "solo"
    case .threads(let count): "\(count) threads"
    case .mpi: "MPI"
    }
  }

  /// Runs `body` on every rank and gives the results of the ranks in this process.
  func run<Result: Sendable>(_ body: @escaping @Sendable (any ProcessGroup) throws -> Result) throws -> [Result] {
    switch self {
    case .solo: [try body(SoloGroup())]
    case .threads(let count): try ThreadGroup.run(size: count, body)
    case .mpi: [try MainActor.assumeIsolated { try body(#require(MPIRun.group)) }]
    }
  }
}

/// Starts MPI before the tests of a suite and ends it after them.
struct MPIRun: SuiteTrait, TestScoping {
  @MainActor static var group: MPIGroup?

  @MainActor func provideScope(
    for test: Test, testCase: Test.Case?, performing function: @concurrent @Sendable () async throws -> Void
  ) async throws {
    let group = try #require(try ProcessGroups.make() as? MPIGroup)
    Self.group = group
    try await function()
    Self.group = nil
    try group.finish()
  }
}
