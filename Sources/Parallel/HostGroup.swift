internal import Foundation

/// A process group whose ranks also sum and copy values that lie in the host's memory: what ``HostCollectives`` is made of.
package protocol HostGroup: ProcessGroup {
  /// Replaces each value by its sum over all ranks; all give equally many.
  ///
  /// With ``WireFormat/bfloat16`` each rank's values are rounded, added in single precision in rank order, and the sums
  /// rounded. A group of one rank has no wire and leaves the values as they are.
  func allReduce(_ values: UnsafeMutableBufferPointer<Float>, wire: WireFormat) throws(ParallelError)
  /// Sums over all ranks, each rank's share of them on that rank alone.
  ///
  /// - Parameters:
  ///   - values: afterwards those of this rank's own range are sums, those of other ranges anything. What
  ///     ``WireFormat/bfloat16`` rounds is each rank's values, not the sums.
  ///   - ranges: one a rank, equal on all ranks; each begins where the one before it ends, the first at 0, and the last
  ///     ends with the values. A range may be empty.
  func reduceScatter(
    _ values: UnsafeMutableBufferPointer<Float>, ranges: [Range<Int>], wire: WireFormat
  ) throws(ParallelError)
  /// Copies each rank's own range to all ranks.
  ///
  /// - Parameters:
  ///   - values: all ranks hold the same bits afterwards: ``WireFormat/bfloat16`` rounds a rank's own values as well.
  ///   - ranges: as in ``reduceScatter(_:ranges:wire:)``.
  func allGather(
    _ values: UnsafeMutableBufferPointer<Float>, ranges: [Range<Int>], wire: WireFormat
  ) throws(ParallelError)

  /// The same ranks with messages of their own: one thread may use either group while another uses the other. All ranks
  /// call it, and ``finish()`` the new group when they are through with it.
  ///
  /// - Throws: ``ParallelError`` unless it ``servesThreads``.
  func duplicate() throws(ParallelError) -> any HostGroup

  /// Whether single-precision sums may go through memory that the ranks share, as they may at first. All ranks call it,
  /// with the same answer; groups made from this one have it too.
  func allowSharedMemory(_ isAllowed: Bool)
  /// Lays out that memory, where it is allowed and the ranks are all on one machine, ahead of the first sum. All ranks call
  /// it and learn the same.
  func openSharedMemory() throws(ParallelError) -> SumRoute
}

extension HostGroup {
  package func makeCollectives(_ settings: CollectivesSettings) throws(ParallelError) -> any Collectives {
    try HostCollectives(self, settings)
  }

  package func allReduce(_ values: UnsafeMutableBufferPointer<Float>) throws(ParallelError) {
    try unsafe allReduce(values, wire: .float32)
  }

  package func reduceScatter(
    _ values: UnsafeMutableBufferPointer<Float>, ranges: [Range<Int>]
  ) throws(ParallelError) {
    try unsafe reduceScatter(values, ranges: ranges, wire: .float32)
  }

  package func allGather(_ values: UnsafeMutableBufferPointer<Float>, ranges: [Range<Int>]) throws(ParallelError) {
    try unsafe allGather(values, ranges: ranges, wire: .float32)
  }

  /// There is but one way.
  package func allowSharedMemory(_ isAllowed: Bool) {}
  package func openSharedMemory() -> SumRoute { .sharedMemory }

  /// Our own mistake if the ranges do not share out `count` values among the ranks.
  func checkRanges(_ ranges: [Range<Int>], count: Int) {
    precondition(ranges.count == size, "\(ranges.count) ranges for \(size) ranks")
    let end = ranges.reduce(0) { end, range in
      precondition(range.lowerBound == end, "range \(range) follows one that ends at \(end)")
      return range.upperBound
    }
    precondition(end == count, "ranges of \(end) values, found \(count)")
  }
}

/// Where the group of a run comes from.
package enum ProcessGroups {
  /// All processes of the launcher that started this one, or this process alone if none did.
  ///
  /// - Throws: ``ParallelError`` if MPI does not start, or finds another number of ranks than the launcher started.
  package static func make() throws(ParallelError) -> any HostGroup {
    let launcher = Launcher(environment: ProcessInfo.processInfo.environment)
    let group: any HostGroup = launcher.speaksMPI ? try MPIGroup() : SoloGroup()
    try launcher.confirm(size: group.size)
    return group
  }

  /// Whether a launcher started this process, be it as the only rank.
  package static var isLaunched: Bool { Launcher(environment: ProcessInfo.processInfo.environment).speaksMPI }

  /// Whether this process is alone or the first of its job, as far as the environment tells before MPI has started.
  package static var isFirstRank: Bool {
    let environment = ProcessInfo.processInfo.environment
    let names = ["OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK", "SLURM_PROCID"]
    return (names.lazy.compactMap { environment[$0] }.first ?? "0") == "0"
  }
}

/// What the environment says about how this process was started.
struct Launcher {
  /// Whether an MPI launcher, or Slurm with a process manager that MPI knows, started this process.
  let speaksMPI: Bool
  /// How many ranks were started, and the variable that says so; nil where none does.
  let announced: (variable: String, count: Int)?

  init(environment: [String: String]) {
    let marks = ["OMPI_COMM_WORLD_SIZE", "PMIX_RANK", "PMI_RANK"]
    speaksMPI = marks.contains { environment[$0] != nil }
    let counts = ["OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "SLURM_STEP_NUM_TASKS"]
    announced = counts.lazy.compactMap { name in environment[name].flatMap(Int.init).map { (name, $0) } }.first
  }

  /// - Throws: ``ParallelError`` if another number of ranks was announced: each would train alone, in silence.
  func confirm(size: Int) throws(ParallelError) {
    guard let announced, announced.count != size else { return }
    throw .launcher(variable: announced.variable, announced: announced.count, found: size)
  }
}
