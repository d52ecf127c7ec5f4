/// A way to use a machine's cores: some ranks of some threads each.
package struct RankSplit: Hashable, Sendable {
  package let rankCount: Int
  package let threadCount: Int

  package init(rankCount: Int, threadCount: Int) {
    self.rankCount = rankCount
    self.threadCount = threadCount
  }

  /// Cores that it keeps busy.
  package var coreCount: Int { rankCount * threadCount }

  /// All splits that use `coreCount` cores, few ranks first; then one rank with fewer threads, down to one.
  package static func all(of coreCount: Int) -> [RankSplit] {
    let divisors = (1...coreCount).filter { coreCount % $0 == 0 }
    return divisors.map { RankSplit(rankCount: $0, threadCount: coreCount / $0) }
      + divisors.dropLast().reversed().map { RankSplit(rankCount: 1, threadCount: $0) }
  }
}
