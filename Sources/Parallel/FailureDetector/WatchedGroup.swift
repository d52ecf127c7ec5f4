/// A group whose ranks know of each other where they are: a call that some rank never makes, or a rank that is gone,
/// ends the job with a message instead of letting the others wait for ever.
package final class WatchedGroup: HostGroup {
  let base: any HostGroup
  let activity: RankActivity
  /// This group's number among those of its rank.
  let number: Int
  /// On the job's own group.
  private let detector: FailureDetector?

  package var rank: Int { base.rank }
  package var size: Int { base.size }
  package var hostName: String { base.hostName }

  private init(_ base: any HostGroup, activity: RankActivity, number: Int, detector: FailureDetector?) {
    self.base = base
    self.activity = activity
    self.number = number
    self.detector = detector
  }

  deinit {
    detector?.stop()
  }

  /// The group with a failure detector, or the group itself where there is nobody to watch. All ranks call it.
  ///
  /// - Parameters:
  ///   - limit: how long a call or a part of a step may take; nil for no failure detector.
  ///   - warn: takes a line if heartbeats do not get through and the job runs without a failure detector; called on rank 0.
  package static func watch(
    _ group: any HostGroup, limit: Duration?, warn: (String) -> Void
  ) throws(ParallelError) -> any HostGroup {
    try watch(group, limit: limit, ending: .ofProcess, warn: warn)
  }

  static func watch(
    _ group: any HostGroup, limit: Duration?, ending: JobEnding, warn: (String) -> Void
  ) throws(ParallelError) -> any HostGroup {
    guard let limit, group.size > 1 else { return group }
    let activity = RankActivity()
    let detector = FailureDetector(rank: group.rank, limit: limit, activity: activity, ending: ending)
    detector.start(try HeartbeatExchange.post(group, limit: limit))
    // An answer takes milliseconds where there is one at all.
    let answers = try group.allGather(detector.isConnected(within: 5) ? "" : "rank \(group.rank) on \(group.hostName)")
    let deaf = answers.filter { !$0.isEmpty }
    guard deaf.isEmpty else {
      detector.stop()
      if group.rank == 0 {
        let list = deaf.joined(separator: ", ")
        warn(
          "no failure detector (parallel.timeout): heartbeats over UDP do not get through between all ranks and rank 0: \(list)"
        )
      }
      return group
    }
    detector.settle()
    return WatchedGroup(group, activity: activity, number: 0, detector: detector)
  }

  package func note(step: Int, phase: WorkPhase) {
    activity.note(step: step, phase: phase)
  }

  package var servesThreads: Bool { base.servesThreads }

  package func allowSharedMemory(_ isAllowed: Bool) { base.allowSharedMemory(isAllowed) }

  package func openSharedMemory() throws(ParallelError) -> SumRoute {
    try during("open shared memory") { () throws(ParallelError) in try base.openSharedMemory() }
  }

  package func duplicate() throws(ParallelError) -> any HostGroup {
    let copy = try during("duplicate") { () throws(ParallelError) in try base.duplicate() }
    return WatchedGroup(copy, activity: activity, number: activity.addGroup(), detector: nil)
  }

  package func abort(code: Int32) { base.abort(code: code) }

  package func finish() throws(ParallelError) {
    try during("finish") { () throws(ParallelError) in try base.finish() }
    detector?.stop()
  }

  /// Shows a call in the heartbeats for as long as it takes.
  func during<Result>(
    _ operation: StaticString, of count: Int? = nil, _ unit: StaticString = "",
    _ body: () throws(ParallelError) -> Result
  ) throws(ParallelError) -> Result {
    try activity.during(.init(operation: operation, count: count, unit: unit), group: number, body)
  }
}
