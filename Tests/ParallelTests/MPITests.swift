import Foundation
import Parallel
import Testing

private let environment = ProcessInfo.processInfo.environment
// Open MPI's, then that of MPICH.
private let launchedCount = environment["OMPI_COMM_WORLD_SIZE"] ?? environment["PMI_SIZE"]
private let launchedRank = environment["OMPI_COMM_WORLD_RANK"] ?? environment["PMI_RANK"]

/// Runs in every process of a launcher, `mpirun -np 3 …PackageTests.xctest --testing-library swift-testing --filter MPI`.
///
/// On the main thread, which is the one that starts MPI, and in order, which is the same in every process.
@MainActor
@Suite("MPI", .serialized, .enabled(if: launchedCount != nil), MPIRun())
struct MPITests {
  private let checks = GroupChecks(kind: .mpi)

  @Test func `the ranks of the launcher find each other`() throws {
    let group = try #require(MPIRun.group)
    #expect(launchedCount == "\(group.size)")
    #expect(launchedRank == "\(group.rank)")
    #expect(group.threadLevel == .multiple)
  }

  @Test func `ranks are numbered from zero`() throws { try checks.ranksAreNumbered() }

  @Test(arguments: [0, 1, 2, 1000, 4095, 4096, 65_537, 300_000], [true, false])
  func `sums are exact`(count: Int, inMemory: Bool) throws {
    try withMemory(inMemory) { try checks.sumsAreExact(count: count) }
  }

  @Test(arguments: [1, 10, 1001, 4096, 300_000, 3_000_001], [true, false])
  func `sums have the same bits on all ranks`(count: Int, inMemory: Bool) throws {
    try withMemory(inMemory) { try checks.sumsHaveTheSameBits(count: count) }
  }

  /// Runs `body` with sums through the memory that ranks of a machine share, or all by MPI.
  private func withMemory(_ isAllowed: Bool, _ body: () throws -> Void) throws {
    let group = try #require(MPIRun.group)
    group.allowSharedMemory(isAllowed)
    defer { group.allowSharedMemory(true) }
    try body()
  }

  @Test func `the largest value is found and not a number wins`() throws { try checks.theLargestIsFound() }

  @Test(arguments: [0, 1, 4099])
  func `bytes are broadcast from each rank`(count: Int) throws { try checks.bytesAreBroadcast(count: count) }

  @Test func `texts are gathered in rank order`() throws { try checks.textsAreGathered() }
  @Test func `rounds do not mix`() throws { try checks.roundsDoNotMix() }

  @Test(arguments: ShareKind.all, WireFormat.allCases)
  func `each rank gets the sums of its share`(kind: ShareKind, wire: WireFormat) throws {
    try checks.sharesAreSummed(kind, wire: wire)
  }

  @Test(arguments: ShareKind.all, WireFormat.allCases)
  func `each rank's share reaches all`(kind: ShareKind, wire: WireFormat) throws {
    try checks.sharesAreCopied(kind, wire: wire)
  }

  @Test(arguments: [0, 1, 5, 1001, 100_000])
  func `rounded sums are those of rank order on all ranks`(count: Int) throws {
    try checks.roundedSumsAreThoseOfRankOrder(count: count)
  }

  @Test func `bytes are streamed to the first rank in order`() throws {
    try checks.bytesAreStreamed(counts: [3, 0, 4099, 1, 1 << 20])
  }
  @Test func `a message that is too short is refused`() throws { try checks.aShortMessageIsRefused() }
  @Test func `a peer that is not there is refused`() throws { try checks.aMissingPeerIsRefused() }
  @Test func `a duplicate serves a second thread`() throws { try checks.aDuplicateServesASecondThread() }
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
    try checks.sharesAreSummed(.uneven(1001), wire: .float32)
    try checks.sharesAreCopied(.uneven(1001), wire: .float32)
    try checks.sharesAreSummed(.uneven(1001), wire: .bfloat16)
    try checks.sharesAreCopied(.uneven(1001), wire: .bfloat16)
    try checks.roundedSumsAreThoseOfRankOrder(count: 1001)
    try checks.bytesAreStreamed(counts: [0, 1, 1001])
  }

  @Test func `MPI is not started twice`() {
    #expect(throws: ParallelError.startedBefore) { try MPIGroup() }
  }
}
