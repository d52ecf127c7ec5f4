import Parallel
import Testing

@Suite struct ProcessGroupTests {
  @Test(arguments: GroupKind.withoutLauncher)
  func `ranks are numbered from zero`(on kind: GroupKind) throws {
    try GroupChecks(kind: kind).ranksAreNumbered()
  }

  @Test(arguments: GroupKind.withoutLauncher, [0, 1, 2, 1000])
  func `sums are exact`(on kind: GroupKind, count: Int) throws {
    try GroupChecks(kind: kind).sumsAreExact(count: count)
  }

  @Test(arguments: GroupKind.withoutLauncher, [1, 1001])
  func `sums have the same bits on all ranks`(on kind: GroupKind, count: Int) throws {
    try GroupChecks(kind: kind).sumsHaveTheSameBits(count: count)
  }

  @Test(arguments: GroupKind.withoutLauncher)
  func `the largest value is found and not a number wins`(on kind: GroupKind) throws {
    try GroupChecks(kind: kind).theLargestIsFound()
  }

  @Test(arguments: GroupKind.withoutLauncher, [0, 1, 4099])
  func `bytes are broadcast from each rank`(on kind: GroupKind, count: Int) throws {
    try GroupChecks(kind: kind).bytesAreBroadcast(count: count)
  }

  @Test(arguments: GroupKind.withoutLauncher)
  func `texts are gathered in rank order`(on kind: GroupKind) throws {
    try GroupChecks(kind: kind).textsAreGathered()
  }

  @Test(arguments: GroupKind.withoutLauncher)
  func `rounds do not mix`(on kind: GroupKind) throws {
    try GroupChecks(kind: kind).roundsDoNotMix()
  }

  @Test(arguments: GroupKind.withoutLauncher)
  func `a broadcast from a rank that is not there is refused`(on kind: GroupKind) throws {
    try GroupChecks(kind: kind).aMissingRootIsRefused()
  }

  @Test(arguments: GroupKind.withoutLauncher, ShareKind.all)
  func `each rank gets the sums of its share`(on kind: GroupKind, share: ShareKind) throws {
    for wire in WireFormat.allCases { try GroupChecks(kind: kind).sharesAreSummed(share, wire: wire) }
  }

  @Test(arguments: GroupKind.withoutLauncher, ShareKind.all)
  func `each rank's share reaches all`(on kind: GroupKind, share: ShareKind) throws {
    for wire in WireFormat.allCases { try GroupChecks(kind: kind).sharesAreCopied(share, wire: wire) }
  }

  @Test(arguments: GroupKind.withoutLauncher, [0, 1, 5, 1001])
  func `rounded sums are those of rank order on all ranks`(on kind: GroupKind, count: Int) throws {
    try GroupChecks(kind: kind).roundedSumsAreThoseOfRankOrder(count: count)
  }

  @Test(arguments: GroupKind.withoutLauncher)
  func `bytes are streamed to the first rank in order`(on kind: GroupKind) throws {
    try GroupChecks(kind: kind).bytesAreStreamed(counts: [3, 0, 4099, 1])
  }

  @Test(arguments: GroupKind.withoutLauncher)
  func `a message that is too short is refused`(on kind: GroupKind) throws {
    try GroupChecks(kind: kind).aShortMessageIsRefused()
  }

  @Test(arguments: GroupKind.withoutLauncher)
  func `a peer that is not there is refused`(on kind: GroupKind) throws {
    try GroupChecks(kind: kind).aMissingPeerIsRefused()
  }

  @Test(arguments: GroupKind.withoutLauncher)
  func `a duplicate serves a second thread`(on kind: GroupKind) throws {
    try GroupChecks(kind: kind).aDuplicateServesASecondThread()
  }
}
