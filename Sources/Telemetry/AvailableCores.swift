internal import Foundation

/// What a machine's files say about the cores that this process may use.
package struct AvailableCores: Hashable, Sendable {
  /// Cores that several processes may share.
  package struct Pool: Hashable, Sendable {
    /// Equal for processes of one machine that share them.
    package let name: String
    package let coreCount: Int
  }

  /// Those that the process may run on.
  package let allowed: Pool
  /// What the tightest quota of its control groups comes to, in whole cores; nil where there is none. A process that
  /// uses more threads than that is held up again and again, its threads at different moments.
  package let quota: Pool?

  /// - Parameter root: where the system's files are.
  package init(root: String = "") {
    allowed = Self.allowed(root: root)
    quota = Self.quota(root: root)
  }

  /// Cores to use.
  package var count: Int { min(allowed.coreCount, quota?.coreCount ?? .max) }

  /// Such as `2 cores` or `1 core of 4 (CPU quota)`.
  package var text: String {
    let number = count == 1 ? "1 core" : "\(count) cores"
    return count < allowed.coreCount ? "\(number) of \(allowed.coreCount) (CPU quota)" : number
  }

  /// The list of cores that this process may run on, as the kernel writes it: `0-3,8`. Foundation's number leaves it out.
  private static func allowed(root: String) -> Pool {
    let status = FileManager.default.contents(atPath: root + "/proc/self/status") ?? Data()
    let key = "Cpus_allowed_list:"
    let line = String(decoding: status, as: UTF8.self).split(separator: "\n").first { $0.hasPrefix(key) }
    let list = (line?.dropFirst(key.count) ?? "").trimmingCharacters(in: .whitespaces)
    let count = list.split(separator: ",").reduce(0) { count, part in
      let ends = part.split(separator: "-").compactMap { Int($0) }
      return count + (ends.last ?? 0) - (ends.first ?? 0) + (ends.isEmpty ? 0 : 1)
    }
    return Pool(name: list, coreCount: count > 0 ? count : ProcessInfo.processInfo.activeProcessorCount)
  }

  private static func quota(root: String) -> Pool? {
    let groups = ControlGroups(controller: "cpu", root: root)
    let pools = groups.groups.compactMap { group -> Pool? in
      let words =
        switch group.version {
        case .first: groups.words(group, "cpu.cfs_quota_us") + groups.words(group, "cpu.cfs_period_us")
        case .second: groups.words(group, "cpu.max")
        }
      // `max`, and -1 in the first version, stand for none.
      guard words.count == 2, let quota = Double(words[0]), let period = Double(words[1]), quota >= 0, period > 0 else {
        return nil
      }
      return Pool(name: group.folder, coreCount: max(1, Int((quota / period).rounded())))
    }
    return pools.min { $0.coreCount < $1.coreCount }
  }
}
