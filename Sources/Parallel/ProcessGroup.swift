internal import Foundation

/// The ranks of one job and what they do together.
///
/// Every rank makes the same calls in the same order, from one thread at a time; who wants to make calls from a second
/// thread meanwhile takes a ``duplicate()``. The result of a sum is the same on all ranks, to the bit. A call that fails
/// on one rank may leave others waiting, so who catches an error ends the job with ``abort(after:during:)``.
package protocol ProcessGroup: AnyObject {
  /// This process's number in `0 ..< size`.
  var rank: Int { get }
  /// Number of ranks, at least 1.
  var size: Int { get }
  /// Name of the machine that this rank runs on.
  var hostName: String { get }

  /// Replaces each value by its sum over all ranks; all give equally many.
  ///
  /// With ``WireFormat/bfloat16`` each rank's values are rounded, added in single precision in rank order, and the sums
  /// rounded. A group of one rank has no wire and leaves the values as they are.
  func sum(_ values: UnsafeMutableBufferPointer<Float>, wire: WireFormat) throws(ParallelError)
  /// Replaces each value by its sum over all ranks; all give equally many.
  func sum(_ values: inout [Double]) throws(ParallelError)
  /// Replaces each value by its sum over all ranks; all give equally many.
  func sum(_ values: inout [Int]) throws(ParallelError)
  /// Starts a sum and returns at once. Sums are started in the same order on all ranks and may end in any.
  ///
  /// - Parameters:
  ///   - values: nobody reads or writes them before ``PendingSum/wait()`` returns.
  ///   - owner: what the values' memory belongs to; kept for as long as MPI may write to it.
  func startSum(_ values: UnsafeMutableBufferPointer<Float>, in owner: AnyObject) throws(ParallelError) -> PendingSum
  /// The largest value of all ranks; not a number if any rank's is none.
  func largest(_ value: Double) throws(ParallelError) -> Double

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

  /// Overwrites the bytes of all ranks by those of rank `root`; all give equally many.
  func broadcast(_ bytes: UnsafeMutableRawBufferPointer, from root: Int) throws(ParallelError)
  /// Every rank's text, on all ranks, in rank order.
  func gather(_ text: String) throws(ParallelError) -> [String]
  /// Returns when all ranks have called it.
  func barrier() throws(ParallelError)

  /// Sends bytes to another rank, which ``receive(_:from:)``s equally many. May wait until it does.
  func send(_ bytes: UnsafeRawBufferPointer, to rank: Int) throws(ParallelError)
  /// Waits for bytes that another rank ``send(_:to:)``s. Two ranks' messages keep their order.
  func receive(_ bytes: UnsafeMutableRawBufferPointer, from rank: Int) throws(ParallelError)

  /// Whether a second thread may make calls meanwhile, in a ``duplicate()``.
  var servesThreads: Bool { get }
  /// The same ranks with messages of their own: one thread may use either group while another uses the other. All ranks
  /// call it, and ``finish()`` the new group when they are through with it.
  ///
  /// - Throws: ``ParallelError`` unless it ``servesThreads``.
  func duplicate() throws(ParallelError) -> any ProcessGroup
  /// The ranks that give the same color, at least 0, ordered by key and then by their rank here. All ranks call it, and
  /// ``finish()`` their new group when they are through with it.
  func split(color: Int, key: Int) throws(ParallelError) -> any ProcessGroup

  /// Whether single-precision sums may go through memory that the ranks share, as they may at first. All ranks call it,
  /// with the same answer; groups made from this one have it too.
  func allowSharedMemory(_ isAllowed: Bool)
  /// Lays out that memory, where it is allowed and the ranks are all on one machine, ahead of the first sum. All ranks call
  /// it and learn the same.
  func openSharedMemory() throws(ParallelError) -> SumRoute

  /// Says where this rank's work is, for a watchdog; moves nothing between ranks.
  ///
  /// - Parameter step: the step under way, from 1; 0 before the first.
  func note(step: Int, phase: WorkPhase)

  /// Ends the job on all ranks at once; the launcher returns `code`. Any thread may call it.
  func abort(code: Int32)
  /// Ends the group in good order. All its ranks call it, last of all.
  func finish() throws(ParallelError)
}

extension ProcessGroup {
  package func sum(_ values: UnsafeMutableBufferPointer<Float>) throws(ParallelError) {
    try sum(values, wire: .float32)
  }

  package func reduceScatter(
    _ values: UnsafeMutableBufferPointer<Float>, ranges: [Range<Int>]
  ) throws(ParallelError) {
    try reduceScatter(values, ranges: ranges, wire: .float32)
  }

  package func allGather(_ values: UnsafeMutableBufferPointer<Float>, ranges: [Range<Int>]) throws(ParallelError) {
    try allGather(values, ranges: ranges, wire: .float32)
  }

  /// Says on standard error which rank failed with what, then ends the job on all ranks with exit code 1.
  ///
  /// - Parameter activity: what the rank was doing, such as `"step 412"`.
  package func abort(after error: any Error, during activity: String) {
    writeToStandardError("rank \(rank) of \(size), \(activity): \(error)\n")
    abort(code: 1)
  }

  package var hostName: String { systemHostName() }

  package var servesThreads: Bool { true }

  /// There is but one way.
  package func allowSharedMemory(_ isAllowed: Bool) {}
  package func openSharedMemory() -> SumRoute { .sharedMemory }

  /// Nobody watches.
  package func note(step: Int, phase: WorkPhase) {}
}

extension ProcessGroup {
  /// Our own mistake if the ranges do not share out `count` values among the ranks.
  func checkRanges(_ ranges: [Range<Int>], count: Int) {
    precondition(ranges.count == size, "\(ranges.count) ranges for \(size) ranks")
    let end = ranges.reduce(0) { end, range in
      precondition(range.lowerBound == end, "range \(range) follows one that ends at \(end)")
      return range.upperBound
    }
    precondition(end == count, "ranges of \(end) values, found \(count)")
  }

  func checkPeer(_ peer: Int, _ operation: String) throws(ParallelError) {
    guard peer >= 0 && peer < size else { throw .noSuchRank(operation: operation, rank: peer, size: size) }
    precondition(peer != rank, "\(operation): rank \(rank) and itself")
  }
}

/// Writes a text where somebody may read it; if nobody can, that is no failure.
func writeToStandardError(_ text: String) {
  let bytes = Array(text.utf8)
  _ = unsafe write(STDERR_FILENO, bytes, bytes.count)
}

/// The name that the operating system gives this machine.
func systemHostName() -> String {
  var name = [CChar](repeating: 0, count: 256)
  let code = gethostname(&name, name.count - 1)
  return code == 0 ? text(name) : "localhost"
}

/// The characters before the first zero.
func text(_ characters: [CChar]) -> String {
  String(decoding: characters.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
}
