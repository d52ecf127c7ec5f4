import Benchmarks
import Testing

@Suite struct RankSplitTests {
  @Test func `sixteen cores are split in five ways, then used less and less`() {
    let splits = RankSplit.all(of: 16)
    #expect(splits.map(\.rankCount) == [1, 2, 4, 8, 16, 1, 1, 1, 1])
    #expect(splits.map(\.threadCount) == [16, 8, 4, 2, 1, 8, 4, 2, 1])
  }

  @Test(arguments: [1, 2, 6, 7, 12, 64])
  func `no split needs more cores than there are, none comes twice, one core is tried`(coreCount: Int) {
    let splits = RankSplit.all(of: coreCount)
    #expect(splits.allSatisfy { $0.coreCount <= coreCount })
    #expect(splits.filter { $0.rankCount > 1 }.allSatisfy { $0.coreCount == coreCount })
    #expect(Set(splits).count == splits.count)
    #expect(splits.last == RankSplit(rankCount: 1, threadCount: 1))
  }
}
