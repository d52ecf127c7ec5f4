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

  /// All ranks, their machines and what each has, in a line. All ranks call it.
  ///
  /// - Parameter equipment: what this rank has on its machine, such as `2 threads a rank, 8 cores`.
  package static func summary(of group: any ProcessGroup, equipment: String) throws(ParallelError) -> String {
    let hostNames = try group.allGather(group.hostName)
    return summary(hostNames: hostNames, equipment: try group.allGather(equipment))
  }

  /// Such as `4 ranks: node1 × 2, node2 × 2; on each: 2 threads a rank, 8 cores`; where machines differ, each with its own.
  static func summary(hostNames: [String], equipment: [String]) -> String {
    let ranks = hostNames.count == 1 ? "1 rank" : "\(hostNames.count) ranks"
    let isUniform = Set(equipment).count == 1
    let places = zip(hostNames, equipment).map { [$0, isUniform ? "" : " (\($1))"] }
    let counts = Dictionary(places.map { ($0, 1) }, uniquingKeysWith: +)
    var seen: Set<[String]> = []
    let list = places.filter { seen.insert($0).inserted }.map { "\($0[0]) × \(counts[$0, default: 0])\($0[1])" }
    return "\(ranks): " + list.joined(separator: ", ") + (isUniform ? "; on each: \(equipment[0])" : "")
  }

  /// Ranks in order, such as `0-3, 7`.
  package static func list(_ ranks: [Int]) -> String { FailureJudge.ranges(ranks) }

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
