package import TensorCore

/// How a run's ranks exchange tensors.
package struct CollectivesSettings: Hashable, Sendable {
  /// Whether calls are carried out while the rank goes on computing.
  package var isOverlapped: Bool
  /// Whether sums of ranks that are all on one machine may go through its memory instead of messages.
  package var sharesMemory: Bool

  package init(isOverlapped: Bool = false, sharesMemory: Bool = true) {
    self.isOverlapped = isOverlapped
    self.sharesMemory = sharesMemory
  }
}

/// How long communication took on one rank.
package struct CommunicationTime: Hashable, Sendable {
  /// In calls to the other ranks, whether or not the rank computed meanwhile.
  package var total = Duration.zero
  /// The part of it that the rank waited for.
  package var exposed = Duration.zero

  package init() {}
}

/// Told of a call to other ranks: what it does, the bytes of the tensor, when it began to move something and when it ended.
package typealias CallObserver =
  @Sendable (_ name: String, _ byteCount: Int, _ start: ContinuousClock.Instant, _ end: ContinuousClock.Instant) -> Void

/// Sums and copies of stretches of tensors over all ranks, wherever the tensors are: in a backend's memory, of which this
/// knows what ``DeviceMemory`` promises and nothing else.
///
/// All ranks make the same calls in the same order, from one thread; they take effect in that order, after the work that
/// the backend was given before. Calls may be carried out later: what they read and write is left alone until ``join()``.
/// The result is the same on all ranks, to the bit; what goes wrong is thrown by ``join()``. In a group of one rank nothing
/// moves.
package protocol Collectives: AnyObject {
  /// Which way sums of single precision take.
  var route: SumRoute { get }

  /// Replaces each value by its sum over all ranks.
  ///
  /// - Parameters:
  ///   - values: of float32, or of float64, which travel as they are.
  ///   - wire: how values of float32 travel. With ``WireFormat/bfloat16`` each rank's are rounded, added in single
  ///     precision in rank order, and the sums rounded.
  ///   - event: what the call waits for; the backend's work after it may go on.
  func allReduce(_ values: Tensor, wire: WireFormat, after event: any MemoryEvent)
  /// Sums over all ranks, each rank's share of them on that rank alone.
  ///
  /// - Parameters:
  ///   - values: of float32. Afterwards those of this rank's own share are sums, those of others anything. What
  ///     ``WireFormat/bfloat16`` rounds is each rank's values, not the sums.
  ///   - shares: of the values, one a rank, equal on all ranks; each begins where the one before it ends, the first at 0,
  ///     and the last ends with the values. A share may be empty.
  func reduceScatter(
    _ values: Tensor, shares: [Range<Int>], wire: WireFormat, after event: any MemoryEvent)
  /// Copies each rank's own share of values of float32, as in ``reduceScatter(_:shares:wire:after:)``, to all ranks.
  func allGather(_ values: Tensor, shares: [Range<Int>], after event: any MemoryEvent)
  /// Overwrites the values of all ranks by those of rank `root`.
  func broadcast(_ values: Tensor, from root: Int, after event: any MemoryEvent)

  /// Told of each call to other ranks when it is over, by the thread that made it; set while none is under way.
  var observer: CallObserver? { get set }

  /// From here on the backend's work sees what the calls before came to.
  ///
  /// - Throws: the error of the first call that failed; calls after it were not made.
  func join() throws(ParallelError)
  /// The communication since this was last asked for; after ``join()``.
  func takeTime() -> CommunicationTime
  /// Gives up what the system holds for it. All ranks call it, last of all.
  func close() throws(ParallelError)
}

/// How single-precision values travel between ranks.
package enum WireFormat: String, CaseIterable, Hashable, Sendable {
  case float32
  /// Half of the bytes; values keep 8 bits of their significand.
  case bfloat16

  package var byteCount: Int {
    switch self {
    case .float32: 4
    case .bfloat16: 2
    }
  }
}

/// Which way single-precision sums of a group take; what they are to the last bit depends on it.
package enum SumRoute: Hashable, Sendable {
  /// Through memory of the machine that all ranks are on, added in rank order.
  case sharedMemory
  /// As the group's own messages.
  ///
  /// - Parameter obstacle: what keeps ranks that are all on one machine from its memory, in a line; nil where nothing does.
  case messages(obstacle: String?)
}
