internal import Foundation

/// Where the group of a run comes from.
package enum ProcessGroups {
  /// All processes of the launcher that started this one, or this process alone if none did.
  ///
  /// - Throws: ``ParallelError`` if MPI does not start, or finds another number of ranks than the launcher started.
  package static func make() throws(ParallelError) -> any HostGroup {
    let launcher = Launcher(environment: ProcessInfo.processInfo.environment)
    let group: any HostGroup = launcher.speaksMPI ? try MPIGroup() : SoloGroup()
    try launcher.confirm(size: group.size)
    return group
  }

  /// Whether a launcher started this process, be it as the only rank.
  package static var isLaunched: Bool { Launcher(environment: ProcessInfo.processInfo.environment).speaksMPI }

  /// Whether this process is alone or the first of its job, as far as the environment tells before MPI has started.
  package static var isFirstRank: Bool {
    let environment = ProcessInfo.processInfo.environment
    let names = ["OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK", "SLURM_PROCID"]
    return (names.lazy.compactMap { environment[$0] }.first ?? "0") == "0"
  }
}
