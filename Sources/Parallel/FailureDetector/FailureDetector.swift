internal import Foundation

/// A rank's thread that sends heartbeats outside of MPI and ends the job when it cannot go on: MPI itself would wait
/// for ever for a rank that is stopped or cut off, and cannot tell which one it is.
///
/// Every rank tells rank 0 which step and call it is in, rank 0 answers; ``FailureJudge`` says what ends a job. Rank 0
/// says why on standard error, tells the others and ends. A rank that does not hear rank 0 any more does so itself,
/// so that nothing is left running on either side of a link that is cut.
// `condition` guards all that can change; the thread's own state belongs to its closure.
final class FailureDetector: @unchecked Sendable {
  private let activity: RankActivity
  private let ending: JobEnding
  private let rank: Int
  private let interval: Duration
  private let pause = InterruptibleSleep()
  private let condition = NSCondition()
  private var isConnected = false
  private var isSettled = false
  private var isStopped = false
  private var isOver = false

  init(rank: Int, limit: Duration, activity: RankActivity, ending: JobEnding) {
    self.rank = rank
    self.activity = activity
    self.ending = ending
    interval = Self.interval(limit)
  }

  /// Time between two heartbeats: some twenty within the limit, at most four a second.
  static func interval(_ limit: Duration) -> Duration { min(max(limit / 20, .milliseconds(250)), .seconds(1)) }

  /// Starts the thread. It judges once ``isConnected(within:)`` was true on all ranks and ``settle()`` was called.
  func start(_ post: some HeartbeatPost) {
    let thread = Thread { [self] in
      var post = post
      run(&post)
    }
    thread.name = "detector"
    thread.start()
  }

  /// Whether heartbeats come from all whom this rank listens to; waits for that a while.
  func isConnected(within limit: TimeInterval) -> Bool {
    let end = Date(timeIntervalSinceNow: limit)
    return condition.withLock {
      while !isConnected, condition.wait(until: end) {}
      return isConnected
    }
  }

  /// From now on silence and standstill end the job.
  func settle() {
    condition.withLock { isSettled = true }
    pause.interrupt()
  }

  /// Takes leave of the others and waits for the thread's end.
  func stop() {
    condition.withLock { isStopped = true }
    pause.interrupt()
    condition.withLock {
      while !isOver { condition.wait() }
    }
  }

  private func run(_ post: inout some HeartbeatPost) {
    let clock = ContinuousClock()
    var last = clock.now
    var wasSettled = false
    while true {
      let (settled, stopped) = condition.withLock { (isSettled, isStopped) }
      if stopped { break }
      if settled && !wasSettled { post.settle() }
      wasSettled = settled
      let now = clock.now
      // A process that was itself stopped for a while, or a machine that slept, has missed what the others said.
      if now - last > interval * 4 { post.forgive(now - last) }
      last = now
      let verdict = post.tick(activity.status, at: now)
      if post.isConnected { noteConnection() }
      if settled, let verdict { return end(verdict, post) }
      pause.sleep(settled ? interval : .milliseconds(20))
    }
    post.leave()
    noteEnd()
  }

  private func noteConnection() {
    condition.withLock {
      guard !isConnected else { return }
      isConnected = true
      condition.broadcast()
    }
  }

  private func noteEnd() {
    condition.withLock {
      isOver = true
      condition.broadcast()
    }
  }

  /// Says why, then ends the job.
  private func end(_ verdict: FailureVerdict, _ post: some HeartbeatPost) {
    defer { noteEnd() }
    if verdict.isTold {
      // Rank 0 has said why and ends; that fails to end this rank only if the launcher cannot reach it.
      pause.sleep(.seconds(1))
    } else {
      // Ranks that miss rank 0 do so at the same moment: the first of them speaks, and its end is that of the others.
      pause.sleep(min(.milliseconds(200) * max(0, rank - 1), .seconds(1)))
    }
    ending.report("failure detector: \(verdict.reason); ending the job on all ranks")
    for _ in 0..<3 {
      post.announce(verdict.reason)
      pause.sleep(.milliseconds(50))
    }
    ending.end()
  }
}

/// How a failure detector ends a job; tests, whose ranks are threads, put in their own way.
struct JobEnding: Sendable {
  /// The exit code of a job that a failure detector ends.
  static let exitCode: Int32 = 3

  /// Says why.
  var report: @Sendable (String) -> Void
  /// Ends this process at once, and with it all ranks.
  var end: @Sendable () -> Void

  /// A line on standard error, and the end of this process, at which the launcher ends the others.
  ///
  /// MPI's abort is left alone: called beside a thread that waits in another call it may crash, and the job then ends
  /// with that crash's exit code.
  static let ofProcess = Self(
    report: { writeToStandardError("catlm: \($0)\n") },
    end: { _exit(exitCode) })
}

/// Sleep that another thread can end, on a clock that nobody sets.
///
/// Where the system gives no pipe, no sleep is cut short; nothing else changes.
final class InterruptibleSleep: Sendable {
  private let readEnd: Int32
  private let writeEnd: Int32

  init() {
    var ends: [Int32] = [-1, -1]
    if unsafe pipe(&ends) != 0 { ends = [-1, -1] }
    (readEnd, writeEnd) = (ends[0], ends[1])
    for end in ends {
      _ = fcntl(end, F_SETFD, FD_CLOEXEC)
      _ = fcntl(end, F_SETFL, O_NONBLOCK)
    }
  }

  deinit {
    guard readEnd >= 0 else { return }
    close(readEnd)
    close(writeEnd)
  }

  /// Ends the sleep that is under way, or the next.
  func interrupt() {
    _ = unsafe write(writeEnd, [1], 1)
  }

  func sleep(_ duration: Duration) {
    var entry = pollfd(fd: readEnd, events: Int16(POLLIN), revents: 0)
    guard unsafe poll(&entry, 1, Int32(duration / .milliseconds(1))) > 0 else { return }
    var byte: UInt8 = 0
    _ = unsafe read(readEnd, &byte, 1)
  }
}
