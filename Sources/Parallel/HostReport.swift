internal import Foundation

/// Where a rank runs.
package struct HostReport: Hashable, Sendable {
  package let hostName: String
  package let rank: Int
  package let size: Int
  /// This rank's number among those on its machine, where the launcher says it.
  package let localRank: Int?
  /// Ranks on this machine, where the launcher says it.
  package let localSize: Int?

  package init(of group: any ProcessGroup) {
    self.init(of: group, environment: ProcessInfo.processInfo.environment)
  }

  init(of group: any ProcessGroup, environment: [String: String]) {
    hostName = group.hostName
    rank = group.rank
    size = group.size
    localRank = Self.number(environment, ["OMPI_COMM_WORLD_LOCAL_RANK", "MPI_LOCALRANKID", "SLURM_LOCALID"])
    localSize = Self.number(environment, ["OMPI_COMM_WORLD_LOCAL_SIZE", "MPI_LOCALNRANKS"])
  }

  /// All ranks and their machines in a line, such as `4 ranks: node1 × 2, node2 × 2`. All ranks call it.
  package static func summary(of group: any ProcessGroup) throws(ParallelError) -> String {
    summary(hostNames: try group.gather(group.hostName))
  }

  static func summary(hostNames: [String]) -> String {
    let counts = Dictionary(hostNames.map { ($0, 1) }, uniquingKeysWith: +)
    var seen: Set<String> = []
    let hosts = hostNames.filter { seen.insert($0).inserted }.map { "\($0) × \(counts[$0, default: 0])" }
    let ranks = hostNames.count == 1 ? "1 rank" : "\(hostNames.count) ranks"
    return ranks + ": " + hosts.joined(separator: ", ")
  }

  private static func number(_ environment: [String: String], _ names: [String]) -> Int? {
    names.lazy.compactMap { environment[$0].flatMap(Int.init) }.first
  }
}

extension HostReport: CustomStringConvertible {
  /// Such as `rank 3 of 4 on node2 (1 of 2 there)`.
  package var description: String {
    let place = "rank \(rank) of \(size) on \(hostName)"
    guard let localRank else { return place }
    return place + " (\(localRank)" + (localSize.map { " of \($0)" } ?? "") + " there)"
  }
}
