package import Parallel

/// How long the sum of one size takes.
package struct AllreduceMeasurement: Hashable, Sendable {
  /// Bytes of the single-precision values that each rank gives.
  package let byteCount: Int
  package let wire: WireFormat
  package let rankCount: Int
  /// Seconds of one sum on the slowest rank; of several runs of sums the middle one.
  package let seconds: Double

  /// Bytes of values that are summed in a second.
  package var algorithmBandwidth: Double { Double(byteCount) / seconds }

  /// Bytes a second that each rank sends if no rank sends more than a ring needs, which is 2(n − 1)/n of what travels:
  /// what to hold against a link or a memory.
  package var busBandwidth: Double {
    let travelling = Double(byteCount / 4 * wire.byteCount)
    return travelling * 2 * Double(rankCount - 1) / Double(rankCount) / seconds
  }
}

/// Times sums over all ranks, and beside them the copying of memory that no sum on one machine can beat.
package struct AllreduceBenchmark {
  private let group: any HostGroup
  private static let runCount = 5
  /// What a run of sums should take, in seconds.
  private static let runSeconds = 0.2

  package init(_ group: any HostGroup) {
    self.group = group
  }

  /// All ranks call it, with the same size: a multiple of 4.
  package func measure(byteCount: Int, wire: WireFormat) throws(ParallelError) -> AllreduceMeasurement {
    precondition(byteCount > 0 && byteCount % 4 == 0, "sum of \(byteCount) bytes")
    // Zeros stay as they are, however often they are added.
    var values = [Float](repeating: 0, count: byteCount / 4)
    _ = try seconds(of: 1, &values, wire)
    let estimate = try seconds(of: 1, &values, wire)
    let count = Int(min(1000, max(1, Self.runSeconds / max(estimate, 1e-9))))
    var runs: [Double] = []
    for _ in 0..<Self.runCount { runs.append(try seconds(of: count, &values, wire)) }
    return AllreduceMeasurement(
      byteCount: byteCount, wire: wire, rankCount: group.size, seconds: runs.median)
  }

  /// Seconds a sum, of `count` sums, on the slowest rank.
  private func seconds(of count: Int, _ values: inout [Float], _ wire: WireFormat) throws(ParallelError) -> Double {
    try group.barrier()
    let start = ContinuousClock.now
    for _ in 0..<count {
      try unsafe values.withUnsafeMutableBufferPointer { (buffer) throws(ParallelError) in
        try unsafe group.allReduce(buffer, wire: wire)
      }
    }
    return try group.allReduce(.max, (ContinuousClock.now - start) / .seconds(1)) / Double(count)
  }

  /// Bytes a second that each rank copies while all ranks copy: the slowest rank's, of several runs the best.
  ///
  /// - Parameter byteCount: bytes of a copy; far more than caches hold, to measure memory.
  package func copyBandwidth(byteCount: Int) throws(ParallelError) -> Double {
    let source = [UInt8](repeating: 1, count: byteCount)
    var target = [UInt8](repeating: 0, count: byteCount)
    var shortest = Double.infinity
    for _ in 0..<Self.runCount {
      try group.barrier()
      let elapsed = ContinuousClock().measure {
        unsafe target.withUnsafeMutableBytes { target in
          unsafe source.withUnsafeBytes { source in unsafe target.copyMemory(from: source) }
        }
      }
      shortest = min(shortest, try group.allReduce(.max, elapsed / .seconds(1)))
    }
    return Double(byteCount) / shortest
  }
}

/// The sizes that sums are timed at: 4 KiB to 1 GiB by factors of 4, as far as memory allows.
package struct AllreduceSizes: Hashable, Sendable {
  /// Sizes that fit, in bytes.
  package let fitting: [Int]
  /// Sizes that do not.
  package let leftOut: [Int]
  /// The largest size that fits.
  package let limit: Int

  /// All ranks call it and get the same.
  ///
  /// - Parameter sizes: in bytes; by default all.
  package init(_ sizes: [Int]?, group: any ProcessGroup) throws(ParallelError) {
    let all = sizes ?? (0...9).map { 4096 << (2 * $0) }
    let sharing = try group.allGather(group.hostName).count { $0 == group.hostName }
    // A sum in place may take its size once more, the memory that ranks share as much again, and other programs live too.
    let share = availableMemoryBytes() / sharing / 4
    let limit = Int(-(try group.allReduce(.max, -Double(share))))
    self.limit = limit
    fitting = all.filter { $0 <= limit }
    leftOut = all.filter { $0 > limit }
  }
}
