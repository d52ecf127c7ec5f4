import Foundation
import Telemetry
import Testing

/// What a machine's files say, taken from made-up ones.
struct AvailableMemoryTests {
  private static let machine = ["/proc/meminfo": "MemTotal: 9000 kB\nMemFree:  10 kB\nMemAvailable:    1000 kB\n"]

  @Test func `without limits it is what the machine has left`() throws {
    #expect(try MadeUpSystem(Self.machine).available == 1_024_000)
    #expect(try MadeUpSystem(Self.machine.merging(["/proc/self/cgroup": "0::/a\n"]) { $1 }).available == 1_024_000)
    #expect(try MadeUpSystem([:]).available == nil)
  }

  @Test(arguments: ["/jobs/one", "/jobs", ""])
  func `a group of the second version binds all below it`(limited: String) throws {
    let folder = "/sys/fs/cgroup" + limited
    let files = [
      "/proc/self/cgroup": "0::/jobs/one\n", folder + "/memory.max": "500000\n", folder + "/memory.current": "300000\n",
      folder + "/memory.stat": "anon 7\ninactive_file 100000\nactive_file 9\n",
    ]
    #expect(try MadeUpSystem(Self.machine.merging(files) { $1 }).available == 300_000)
  }

  @Test func `no limit is no limit, and the tightest counts`() throws {
    let top = "/sys/fs/cgroup"
    var files = [
      "/proc/self/cgroup": "0::/jobs/one\n", top + "/jobs/one/memory.max": "max\n",
      top + "/jobs/one/memory.current": "10\n",
    ]
    #expect(try MadeUpSystem(Self.machine.merging(files) { $1 }).available == 1_024_000)
    files[top + "/jobs/memory.max"] = "2000\n"
    files[top + "/jobs/memory.current"] = "500\n"
    files[top + "/memory.max"] = "1000\n"
    files[top + "/memory.current"] = "3000\n"
    #expect(try MadeUpSystem(Self.machine.merging(files) { $1 }).available == 0)
    files[top + "/memory.max"] = "max\n"
    #expect(try MadeUpSystem(Self.machine.merging(files) { $1 }).available == 1500)
  }

  @Test func `a group of the first version counts as well`() throws {
    let folder = "/sys/fs/cgroup/memory/job"
    let files = [
      "/proc/self/cgroup": "5:cpu,cpuacct:/\n4:memory:/job\n0::/\n", folder + "/memory.limit_in_bytes": "70000\n",
      folder + "/memory.usage_in_bytes": "60000\n", folder + "/memory.stat": "cache 1\ntotal_inactive_file 5000\n",
    ]
    #expect(try MadeUpSystem(Self.machine.merging(files) { $1 }).available == 15_000)
  }

  @Test func `what a strict system has promised is not there any more`() throws {
    var files = [
      "/proc/meminfo": "MemAvailable: 1000 kB\nCommitLimit: 700 kB\nCommitted_AS: 100 kB\n",
      "/proc/sys/vm/overcommit_memory": "2\n",
    ]
    #expect(try MadeUpSystem(files).available == 600 << 10)
    files["/proc/sys/vm/overcommit_memory"] = "0\n"
    #expect(try MadeUpSystem(files).available == 1000 << 10)
  }

  /// What the system says of a process with limits of its address space and of its data.
  private static func process(space: String, data: String) -> [String: String] {
    let page = sysconf(Int32(_SC_PAGESIZE))
    return [
      "/proc/self/statm": "\((300 << 20) / page) 90 40 5 0 \((100 << 20) / page) 0\n",
      "/proc/self/limits": """
      Limit                     Soft Limit           Hard Limit           Units
      Max data size             \(data)            unlimited            bytes
      Max stack size            8388608              unlimited            bytes
      Max address space         \(space)            unlimited            bytes

      """,
    ]
  }

  @Test func `addresses that are mapped, used or not, are not left, nor those that threads will map`() throws {
    let mebi = 1 << 20
    #expect(try MadeUpSystem(Self.process(space: "unlimited", data: "unlimited")).addresses == nil)
    // Of a thread a buffer of BLAS; of two a heap.
    #expect(
      try MadeUpSystem(Self.process(space: "\(1000 * mebi)", data: "unlimited")).addresses
        == (1000 - 300 - 128 - 2 * 64) * mebi)
    #expect(
      try MadeUpSystem(Self.process(space: "unlimited", data: "\(1000 * mebi)")).addresses == (1000 - 100 - 128) * mebi)
    #expect(
      try MadeUpSystem(Self.process(space: "\(1000 * mebi)", data: "\(500 * mebi)")).addresses == (500 - 100 - 128)
        * mebi)
    #expect(try MadeUpSystem(Self.process(space: "\(1 * mebi)", data: "unlimited")).addresses == 0)
  }

  @Test func `this machine has some`() throws {
    #expect(try #require(AvailableMemory().byteCount) > 1 << 20)
  }
}

extension MadeUpSystem {
  fileprivate var available: Int? { AvailableMemory(root: root).byteCount }
  fileprivate var addresses: Int? { AvailableMemory(root: root).addressBytes(threadCount: 1) }
}
