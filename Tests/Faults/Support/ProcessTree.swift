import FaultSupport
import Foundation

/// What the kernel tells of processes.
enum ProcessTree {
  /// Processes called `name` below `ancestor`, itself included, in the order of their numbers.
  static func named(_ name: String, below ancestor: Int32) -> [Int32] {
    let entries = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
    var parents: [Int32: (parent: Int32, name: String)] = [:]
    for entry in entries {
      guard let number = Int32(entry), let found = status(of: number) else { continue }
      parents[number] = found
    }
    func isBelow(_ process: Int32) -> Bool {
      var current = process
      while let (parent, _) = parents[current] {
        if current == ancestor { return true }
        current = parent
      }
      return current == ancestor
    }
    return parents.filter { $0.value.name == name && isBelow($0.key) }.keys.sorted()
  }

  /// Whether a process is there and no zombie.
  static func isAlive(_ process: Int32) -> Bool { status(of: process) != nil }

  /// Throws unless all of the processes are gone, which the launcher may need a moment for.
  static func requireGone(_ processes: [Int32], within limit: Duration = .seconds(5)) throws {
    let end = ContinuousClock.now + limit
    while processes.contains(where: isAlive) {
      try expect(ContinuousClock.now < end, "left running after \(limit): \(processes.filter(isAlive))")
      usleep(10_000)
    }
  }

  private static func status(of process: Int32) -> (parent: Int32, name: String)? {
    guard let text = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8),
      let open = text.firstIndex(of: "("), let close = text.lastIndex(of: ")")
    else { return nil }
    let fields = text[text.index(after: close)...].split(separator: " ")
    guard fields.count > 1, fields[0] != "Z", fields[0] != "X", let parent = Int32(fields[1]) else { return nil }
    return (parent, String(text[text.index(after: open)..<close]))
  }

  /// Whether a process has yet to take a signal. The kernel keeps one of each kind: a second one would be lost.
  static func hasPendingSignal(_ process: Int32) -> Bool {
    let text = (try? String(contentsOfFile: "/proc/\(process)/status", encoding: .utf8)) ?? ""
    let pending = text.split(separator: "\n").filter { $0.hasPrefix("SigPnd:") || $0.hasPrefix("ShdPnd:") }
    return pending.contains { $0.split(separator: "\t").last?.contains { $0 != "0" } ?? false }
  }

  /// Bytes of memory that a process holds; nil if it is gone.
  static func residentBytes(_ process: Int32) -> Int? {
    guard let text = try? String(contentsOfFile: "/proc/\(process)/statm", encoding: .utf8) else { return nil }
    let fields = text.split(separator: " ")
    return fields.count > 1 ? Int(fields[1]).map { $0 * Int(getpagesize()) } : nil
  }

  /// Files that a process has open; nil if it is gone.
  static func openFileCount(_ process: Int32) -> Int? {
    (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(process)/fd"))?.count
  }
}
