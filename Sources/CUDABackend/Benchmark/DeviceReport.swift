/// What a kernel's result was compared by.
package struct DeviceCheck: Hashable, Sendable {
  package let name: String
  /// Of the difference to the processor's result, over that result (root of sums of squares).
  package let error: Double
  /// What the roundings of the kernel's types allow.
  package let bound: Double

  package var passes: Bool { error <= bound }
}

/// What a kernel's call has to do at least.
package struct DeviceWork: Hashable, Sendable {
  /// Multiplications and additions on tensor cores that cannot be left out.
  package var operations = 0.0
  /// Those that the kernel's tiles make of it.
  package var tileOperations = 0.0
  /// Bytes, each array that is read or written counted once.
  package var bytes: Double

  /// Seconds that a call takes at least: of its tiles at the rate of products, or of its bytes at that of a copy.
  package func floor(_ ceilings: DeviceCeilings) -> Double {
    max(tileOperations / ceilings.productRate, bytes / ceilings.copyRate)
  }
}

/// How long a kernel's call takes.
package struct DeviceMeasurement: Hashable, Sendable {
  package let name: String
  /// Sizes of the call.
  package let shape: String
  package let work: DeviceWork
  package let times: DeviceTimes
  /// Of the kernels on tensor cores.
  package let usage: KernelUsage?

  /// The least time over the time it took.
  package func share(of ceilings: DeviceCeilings) -> Double { work.floor(ceilings) / times.median }
}

/// The best rates of the device, in the same run.
package struct DeviceCeilings: Hashable, Sendable {
  /// Bytes a second that a copy reads and writes.
  package internal(set) var copyRate = 0.0
  /// Operations a second of cuBLASLt's product of bfloat16 matrices of random numbers.
  package internal(set) var productRate = 0.0
}

/// All of a run.
package struct DeviceReport {
  /// `NVIDIA H200`.
  package let deviceName: String
  package let ceilings: DeviceCeilings
  package let checks: [DeviceCheck]
  package let measurements: [DeviceMeasurement]
}
