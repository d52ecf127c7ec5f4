internal import Foundation

/// Memory that new work may take, in bytes; half of the machine's where the system does not say.
func availableMemoryBytes() -> Int {
  let lines = (try? String(contentsOfFile: "/proc/meminfo", encoding: .utf8))?.split(separator: "\n") ?? []
  let words = lines.first { $0.hasPrefix("MemAvailable:") }?.split(separator: " ") ?? []
  guard words.count > 1, let kibibytes = Int(words[1]) else { return Int(ProcessInfo.processInfo.physicalMemory) / 2 }
  return kibibytes * 1024
}
