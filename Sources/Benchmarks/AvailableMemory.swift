internal import Foundation
internal import Telemetry

/// Memory that new work may take, in bytes; half of the machine's where the system does not say.
func availableMemoryBytes() -> Int {
  AvailableMemory().byteCount ?? Int(ProcessInfo.processInfo.physicalMemory) / 2
}
