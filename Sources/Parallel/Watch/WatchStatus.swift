/// What a rank is doing at a moment, as its heartbeat tells it.
struct WatchStatus: Hashable, Sendable {
  /// A call that waits for other ranks.
  struct Call: Hashable, Sendable {
    /// Number of the group among those of its rank; 0 is the job's own.
    var group: Int
    /// The call's number in its group, from 1: equal on all ranks that make it.
    var number: Int
    /// Such as `sum of 3 Float`.
    var name: String
  }

  /// Grows with every call that begins or ends and every note of a step or phase.
  var changeCount = 0
  /// The step that the rank works on, from 1; 0 before the first.
  var step = 0
  var phase = WorkPhase.start
  /// The call that the rank has been in for the longest time.
  var call: Call?
}

extension WatchStatus: CustomStringConvertible {
  /// Such as `step 41, sum of 3 Float` or `step 41, forward and backward`.
  var description: String { "\(place), \(call?.name ?? phase.rawValue)" }

  /// Such as `step 41`.
  var place: String { step == 0 ? "the start" : "step \(step)" }
}
