import Testing

@testable import Parallel

/// The groups that one test body runs on.
enum GroupKind: Sendable, CustomTestStringConvertible {
  case solo
  case threads(Int)
  /// Threads whose group has a failure detector.
  case watched(Int)
  /// The processes of the launcher; only within ``MPIRun``.
  case mpi

  static let withoutLauncher: [GroupKind] = [.solo, .threads(1), .threads(2), .threads(3), .threads(4), .watched(3)]

  var testDescription: String {
    switch self {
    case .solo: "solo"
    case .threads(let count): "\(count) threads"
    case .watched(let count): "\(count) watched threads"
    case .mpi: "MPI"
    }
  }

  /// Runs `body` on every rank and gives the results of the ranks in this process.
  func run<Result: Sendable>(_ body: @escaping @Sendable (any HostGroup) throws -> Result) throws -> [Result] {
    switch self {
    case .solo: [try body(SoloGroup())]
    case .threads(let count): try ThreadGroup.run(size: count, body)
    case .watched(let count): try ThreadGroup.run(size: count) { try body(Self.watched($0)) }
    case .mpi: [try MainActor.assumeIsolated { try body(#require(MPIRun.group)) }]
    }
  }
}

extension GroupKind {
  /// The group with a failure detector that ends nothing but says so.
  private static func watched(_ group: any HostGroup) throws -> any HostGroup {
    let ending = JobEnding(report: { Issue.record("\($0)") }, end: {})
    return try WatchedGroup.watch(group, limit: .seconds(60), ending: ending) { Issue.record("\($0)") }
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
