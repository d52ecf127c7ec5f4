/// One rank's end of the exchange of heartbeats; used by the watchdog's thread alone.
protocol WatchPost: Sendable {
  typealias Instant = ContinuousClock.Instant

  /// Whether heartbeats come from all that this rank listens to.
  var isConnected: Bool { get }

  /// Hears what came, sends this rank's heartbeat and judges.
  ///
  /// - Returns: why the job has to end; nil while it can go on.
  mutating func tick(_ status: WatchStatus, at now: Instant) -> WatchVerdict?
  /// Closes what was opened to find the others and is not needed any more.
  mutating func settle()
  /// This rank was not running for so long; that is not held against others.
  mutating func forgive(_ gap: Duration)
  /// Tells the others that the job has to end.
  func announce(_ reason: String)
  /// Tells the others that this rank leaves in good order.
  func leave()
}

/// That a job has to end.
struct WatchVerdict: Hashable, Sendable {
  /// What is wrong, in a line.
  var reason: String
  /// Whether it was rank 0 that said so and ends the job by itself.
  var isTold = false
}
