import Foundation
import Telemetry
import Testing

/// What a machine's files say about cores, taken from made-up ones.
struct AvailableCoresTests {
  private static let machine = ["/proc/self/status": "Name:\tcatlm\nCpus_allowed_list:\t0-3,8,10-11\nMems:\t0\n"]

  @Test func `without a quota they are those that the process may run on`() throws {
    let cores = try MadeUpSystem(Self.machine).cores
    #expect(cores.count == 7 && cores.allowed.name == "0-3,8,10-11" && cores.quota == nil)
    #expect(cores.text == "7 cores")
    #expect(try MadeUpSystem([:]).cores.count == ProcessInfo.processInfo.activeProcessorCount)
  }

  @Test(arguments: [
    ("100000 100000", 1), ("200000 100000", 2), ("149000 100000", 1), ("150000 100000", 2), ("10000 100000", 1),
    ("0 100000", 1), ("900000 100000", 7), ("max 100000", 7), ("150000", 7), ("", 7),
  ])
  func `a quota of the second version counts in whole cores, at least one`(content: String, expected: Int) throws {
    let files = ["/proc/self/cgroup": "0::/jobs/one\n", "/sys/fs/cgroup/jobs/one/cpu.max": content + "\n"]
    #expect(try MadeUpSystem(Self.machine.merging(files) { $1 }).cores.count == expected)
  }

  @Test(arguments: [("300000", 3), ("-1", 7), ("250000", 3)])
  func `a quota of the first version counts as well`(quota: String, expected: Int) throws {
    let folder = "/sys/fs/cgroup/cpu/job"
    let files = [
      "/proc/self/cgroup": "5:memory:/other\n4:cpuacct,cpu:/job\n0::/\n", folder + "/cpu.cfs_quota_us": quota + "\n",
      folder + "/cpu.cfs_period_us": "100000\n",
    ]
    #expect(try MadeUpSystem(Self.machine.merging(files) { $1 }).cores.count == expected)
  }

  @Test(arguments: ["/jobs/one", "/jobs", ""])
  func `the quota of a group above binds as well, and the tightest counts`(limited: String) throws {
    var files = [
      "/proc/self/cgroup": "0::/jobs/one\n", "/sys/fs/cgroup/jobs/one/cpu.max": "600000 100000\n",
      "/sys/fs/cgroup/jobs/cpu.max": "max 100000\n",
    ]
    files["/sys/fs/cgroup\(limited)/cpu.max"] = "200000 100000\n"
    let cores = try MadeUpSystem(Self.machine.merging(files) { $1 }).cores
    #expect(cores.quota?.name == "/sys/fs/cgroup" + limited)
    #expect(cores.text == "2 cores of 7 (CPU quota)")
  }
}

extension MadeUpSystem {
  fileprivate var cores: AvailableCores { AvailableCores(root: root) }
}
