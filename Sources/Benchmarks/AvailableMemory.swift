internal import Foundation
internal import Telemetry

/// Memory that new work may take, in bytes: half of the machine's where the system does not say, less where the limits of
/// this process leave less.
func availableMemoryBytes() -> Int {
  let memory = AvailableMemory()
  let shared = memory.byteCount ?? Int(ProcessInfo.processInfo.physicalMemory) / 2
  return min(shared, memory.addressBytes(threadCount: 1) ?? .max)
}
