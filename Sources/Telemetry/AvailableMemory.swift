internal import Foundation

/// What a machine's files say about its memory.
package struct AvailableMemory {
  private let root: String

  /// - Parameter root: where the system's files are.
  package init(root: String = "") {
    self.root = root
  }

  /// Bytes that this process may still take: what the machine has left, or less if its control groups, which others may
  /// share, allow no more; nil where the system does not say. Swap does not count. Limits of the process alone are
  /// another matter: ``addressBytes(threadCount:)``.
  package var byteCount: Int? {
    ([machineBytes, committableBytes] + ControlGroups(controller: "memory", root: root).groups.map(room))
      .compactMap { $0 }.min()
  }

  /// What the kernel takes to be free for new work, caches that it can drop included.
  private var machineBytes: Int? {
    meminfo("MemAvailable")
  }

  /// What may still be promised, where the system promises no more than it has (`vm.overcommit_memory` 2).
  private var committableBytes: Int? {
    guard number("/proc/sys/vm/overcommit_memory") == 2, let limit = meminfo("CommitLimit"),
      let taken = meminfo("Committed_AS")
    else { return nil }
    return max(0, limit - taken)
  }

  private func meminfo(_ key: String) -> Int? {
    let line = lines("/proc/meminfo").first { $0.hasPrefix(key + ":") } ?? ""
    return line.split(separator: " ").dropFirst().first.flatMap { Int($0) }.map { $0 * 1024 }
  }

  // MARK: Limits of the process

  /// Addresses that a thread maps beside tensors: a buffer of BLAS of 128 MiB, and what the C library sets aside.
  private static let blasBufferBytes = 128 << 20
  private static let heapBytes = 64 << 20

  /// Bytes of addresses that this process may still take for tensors; nil if it has no limit.
  ///
  /// That is what the limits of its address space and of its data (`ulimit -v` and `-d`) leave beside all that it has
  /// mapped by now, used or not, and what its threads will map as well.
  ///
  /// - Parameter threadCount: threads that compute.
  package func addressBytes(threadCount: Int) -> Int? {
    let pages = (lines("/proc/self/statm").first ?? "").split(separator: " ").compactMap { Int($0) }
    guard pages.count > 5 else { return nil }
    let pageBytes = sysconf(Int32(_SC_PAGESIZE))
    let (buffers, heaps) = (threadCount * Self.blasBufferBytes, (threadCount + 1) * Self.heapBytes)
    let space = limit("Max address space").map { $0 - pages[0] * pageBytes - buffers - heaps }
    let data = limit("Max data size").map { $0 - pages[5] * pageBytes - buffers }
    return [space, data].compactMap { $0 }.min().map { max(0, $0) }
  }

  /// A limit as the process has it; nil if it is none.
  private func limit(_ name: String) -> Int? {
    let line = lines("/proc/self/limits").first { $0.hasPrefix(name) } ?? ""
    return line.dropFirst(name.count).split(separator: " ").first.flatMap { Int($0) }
  }

  // MARK: Control groups

  /// What the files of a version of control groups are called that count here.
  private struct Names {
    let limit: String
    let usage: String
    /// Cache that can be dropped, in `memory.stat`.
    let inactiveKey: String

    init(_ version: ControlGroups.Version) {
      switch version {
      case .first:
        (limit, usage, inactiveKey) = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
      case .second: (limit, usage, inactiveKey) = ("memory.max", "memory.current", "inactive_file")
      }
    }
  }

  /// Bytes that a group leaves; nil if it has no limit.
  private func room(_ group: ControlGroups.Group) -> Int? {
    let names = Names(group.version)
    guard let limit = number(group.folder + "/" + names.limit), let usage = number(group.folder + "/" + names.usage)
    else { return nil }
    let inactive = lines(group.folder + "/memory.stat").first { $0.hasPrefix(names.inactiveKey + " ") } ?? ""
    let droppable = inactive.split(separator: " ").last.flatMap { Int($0) } ?? 0
    return max(0, limit - max(0, usage - droppable))
  }

  private func number(_ path: String) -> Int? { lines(path).first.flatMap { Int($0) } }

  private func lines(_ path: String) -> [String] {
    guard let content = FileManager.default.contents(atPath: root + path) else { return [] }
    return String(decoding: content, as: UTF8.self).split(separator: "\n").map(String.init)
  }
}

/// The most memory that this process has held at once, in bytes; 0 where the system does not say.
package func peakResidentBytes() -> Int {
  var usage = rusage()
  guard getrusage(RUSAGE_SELF.rawValue, &usage) == 0 else { return 0 }
  return Int(usage.ru_maxrss) * 1024
}

/// The memory that this process holds now, in bytes; 0 where the system does not say.
package func residentBytes() -> Int {
  guard let content = FileManager.default.contents(atPath: "/proc/self/statm") else { return 0 }
  let pages = String(decoding: content, as: UTF8.self).split(separator: " ").compactMap { Int($0) }
  return pages.count > 1 ? pages[1] * sysconf(Int32(_SC_PAGESIZE)) : 0
}
