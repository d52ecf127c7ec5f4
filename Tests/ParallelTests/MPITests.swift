import Foundation
import Parallel
import Testing

private let environment = ProcessInfo.processInfo.environment

/// Runs in every process of a launcher, `mpirun -np 3 …PackageTests.xctest --testing-library swift-testing --filter MPI`.
///
/// On the main thread, which is the one that starts MPI, and in order, which is the same in every process.
@MainActor
@Suite("MPI", .serialized, .enabled(if: environment["OMPI_COMM_WORLD_SIZE"] != nil), MPIRun())
struct MPITests {
  private let checks = GroupChecks(kind: .mpi)

  @Test func `the ranks of the launcher find each other`() throws {
    let group = try #require(MPIRun.group)
    #expect(environment["OMPI_COMM_WORLD_SIZE"] == "\(group.size)")
    #expect(environment["OMPI_COMM_WORLD_RANK"] == "\(group.rank)")
    #expect(group.threadLevel >= .funneled)
  }

  @Test func `ranks are numbered from zero`() throws { try checks.ranksAreNumbered() }

  @Test(arguments: [0, 1, 2, 1000, 300_000])
  func `sums are exact`(count: Int) throws { try checks.sumsAreExact(count: count) }

  @Test(arguments: [1, 10, 1001, 300_000])
  func `sums have the same bits on all ranks`(count: Int) throws { try checks.sumsHaveTheSameBits(count: count) }

  @Test func `the largest value is found and not a number wins`() throws { try checks.theLargestIsFound() }

  @Test(arguments: [0, 1, 4099])
  func `bytes are broadcast from each rank`(count: Int) throws { try checks.bytesAreBroadcast(count: count) }

  @Test func `texts are gathered in rank order`() throws { try checks.textsAreGathered() }
  @Test func `rounds do not mix`() throws { try checks.roundsDoNotMix() }
  @Test func `a broadcast from a rank that is not there is refused in MPI's words`() throws {
    try checks.aMissingRootIsRefused()
  }

  @Test(arguments: [1, 7, 1000])
  func `calls that are split give the same`(elementsPerCall: Int) throws {
    let group = try #require(MPIRun.group)
    let usual = group.elementsPerCall
    group.elementsPerCall = elementsPerCall
    defer { group.elementsPerCall = usual }
    try checks.sumsAreExact(count: 1000)
    try checks.bytesAreBroadcast(count: 1001)
    try checks.textsAreGathered()
  }

  @Test func `MPI is not started twice`() {
    #expect(throws: ParallelError.startedBefore) { try MPIGroup() }
  }
}
