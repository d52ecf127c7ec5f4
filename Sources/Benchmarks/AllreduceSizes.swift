package import Parallel

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
    let sharing = try group.gather(group.hostName).count { $0 == group.hostName }
    // A sum in place may take its size once more, the memory that ranks share as much again, and other programs live too.
    let share = availableMemoryBytes() / sharing / 4
    let limit = Int(-(try group.largest(-Double(share))))
    self.limit = limit
    fitting = all.filter { $0 <= limit }
    leftOut = all.filter { $0 > limit }
  }
}
