import Testing

@testable import Parallel

@Suite struct LauncherTests {
  @Test(arguments: [
    (["OMPI_COMM_WORLD_SIZE": "4", "OMPI_COMM_WORLD_RANK": "1"], true, 4),
    (["PMIX_RANK": "0", "SLURM_PROCID": "0", "SLURM_STEP_NUM_TASKS": "2"], true, 2),
    (["PMI_RANK": "3", "PMI_SIZE": "8"], true, 8),
    (["SLURM_PROCID": "0", "SLURM_NTASKS": "4"], false, nil),
    ([:], false, nil),
  ])
  func `a launcher is known by its variables`(environment: [String: String], speaksMPI: Bool, count: Int?) {
    let launcher = Launcher(environment: environment)
    #expect(launcher.speaksMPI == speaksMPI)
    #expect(launcher.announced?.count == count)
  }

  @Test func `ranks that do not find each other are an error`() throws {
    let launcher = Launcher(environment: ["SLURM_PROCID": "2", "SLURM_STEP_NUM_TASKS": "4"])
    #expect(throws: ParallelError.launcher(variable: "SLURM_STEP_NUM_TASKS", announced: 4, found: 1)) {
      try launcher.confirm(size: 1)
    }
    try launcher.confirm(size: 4)
  }

  @Test func `a report names the machine and the place on it`() {
    let slurm = ["SLURM_LOCALID": "3"]
    let openMPI = ["OMPI_COMM_WORLD_LOCAL_RANK": "1", "OMPI_COMM_WORLD_LOCAL_SIZE": "2"]
    let group = SoloGroup()
    let place = "rank 0 of 1 on \(group.hostName)"
    #expect(HostReport(of: group, environment: [:]).description == place)
    #expect(HostReport(of: group, environment: slurm).description == place + " (3 there)")
    #expect(HostReport(of: group, environment: openMPI).description == place + " (1 of 2 there)")
  }

  @Test func `a summary counts the ranks of each machine and says what each has`() throws {
    let names = ["b", "a", "b", "a", "a"]
    let same = HostReport.summary(hostNames: names, equipment: Array(repeating: "8 cores", count: 5))
    #expect(same == "5 ranks: b × 2, a × 3; on each: 8 cores")
    let mixed = HostReport.summary(hostNames: names, equipment: names.map { $0 == "a" ? "8 cores" : "4 cores" })
    #expect(mixed == "5 ranks: b × 2 (4 cores), a × 3 (8 cores)")
    let solo = try HostReport.summary(of: SoloGroup(), equipment: "1 core")
    #expect(solo == "1 rank: \(SoloGroup().hostName) × 1; on each: 1 core")
  }
}
