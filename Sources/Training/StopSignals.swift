internal import Foundation
internal import Synchronization

/// The first signal that asked to stop; 0 before it. A handler may do no more than change numbers and write bytes.
private let firstSignal = Atomic<Int32>(0)
/// When the first of each kind came, in nanoseconds of the monotonic clock; 0 before it.
private let interruptTime = Atomic<Int64>(0)
private let hangUpTime = Atomic<Int64>(0)
private let terminationTime = Atomic<Int64>(0)
private let userTime = Atomic<Int64>(0)
private let isAnnounced = Atomic<Bool>(false)

/// Two of one kind that are closer than this, in nanoseconds, are one wish that came on two ways: `srun` passes on what
/// Slurm sends to the ranks as well, and a shell and the kernel both send SIGHUP when a terminal goes.
private let sameWish: Int64 = 250_000_000

/// Takes note of the signal; a second wish of the same kind ends the process at once.
private nonisolated func receive(_ signal: Int32) {
  let code = errno
  defer { errno = code }
  let isFirst = firstSignal.compareExchange(expected: 0, desired: signal, ordering: .relaxed).exchanged
  if isSecondWish(signal) {
    announce("catlm: asked to stop twice: ended at once\n")
    _exit(128 + signal)
  }
  guard isFirst else { return }
  if signal == SIGINT {
    announce("catlm: interrupted: stops after this step with a checkpoint; Ctrl-C once more ends at once\n")
  } else {
    announce("catlm: stops after this step with a checkpoint, as a signal asks\n")
  }
}

private nonisolated func isSecondWish(_ signal: Int32) -> Bool {
  var time = timespec()
  // A clock that every Linux has.
  _ = clock_gettime(CLOCK_MONOTONIC, &time)
  let now = Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
  let (isFirst, first) =
    switch signal {
    case SIGINT: interruptTime.compareExchange(expected: 0, desired: now, ordering: .relaxed)
    case SIGHUP: hangUpTime.compareExchange(expected: 0, desired: now, ordering: .relaxed)
    case SIGTERM: terminationTime.compareExchange(expected: 0, desired: now, ordering: .relaxed)
    default: userTime.compareExchange(expected: 0, desired: now, ordering: .relaxed)
    }
  // At a keyboard nothing comes twice by itself.
  return !isFirst && (signal == SIGINT || now - first >= sameWish)
}

private nonisolated func announce(_ line: StaticString) {
  guard isAnnounced.load(ordering: .relaxed) else { return }
  // On a terminal the progress line stands unfinished.
  if isatty(STDERR_FILENO) != 0 { _ = write(STDERR_FILENO, "\n", 1) }
  _ = unsafe write(STDERR_FILENO, line.utf8Start, line.utf8CodeUnitCount)
}

/// SIGINT, SIGHUP, SIGTERM and SIGUSR1 as a wish to stop after the current step, with a checkpoint.
///
/// A second one of the same kind ends the process at once. One of another kind changes nothing: Slurm sends SIGTERM at
/// the time limit after the SIGUSR1 that it was asked for, and must not cut off the checkpoint that is being written.
package enum StopSignals {
  /// Installs the handlers, and lets no closed stream or full file end the process by a signal.
  ///
  /// What the parent had this process ignore, as `nohup` does with SIGHUP, stays ignored; what it had blocked is let
  /// through.
  ///
  /// - Parameter announces: whether this process says at once that it was asked to stop.
  package static func install(announces: Bool) {
    openStandardStreams()
    isAnnounced.store(announces, ordering: .relaxed)
    firstSignal.store(0, ordering: .relaxed)
    interruptTime.store(0, ordering: .relaxed)
    hangUpTime.store(0, ordering: .relaxed)
    terminationTime.store(0, ordering: .relaxed)
    userTime.store(0, ordering: .relaxed)
    for number in [SIGPIPE, SIGXFSZ] { signal(number, SIG_IGN) }
    var signals = sigset_t()
    sigemptyset(&signals)
    for number in [SIGTERM, SIGUSR1, SIGINT, SIGHUP] {
      let mayBeIgnored = number == SIGINT || number == SIGHUP
      if mayBeIgnored && isIgnored(number) { continue }
      signal(number, receive)
      sigaddset(&signals, number)
    }
    pthread_sigmask(SIG_UNBLOCK, &signals, nil)
  }

  package static var isRequested: Bool { firstSignal.load(ordering: .relaxed) != 0 }

  private static func isIgnored(_ number: Int32) -> Bool {
    var action = sigaction()
    guard sigaction(number, nil, &action) == 0 else { return false }
    return unsafe unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self)
      == unsafeBitCast(SIG_IGN, to: Int.self)
  }

  /// Gives each standard stream that is closed somewhere to go: else the next file that is opened, such as the metrics,
  /// would get its number, and log lines with it.
  private static func openStandardStreams() {
    for number in STDIN_FILENO...STDERR_FILENO where fcntl(number, F_GETFD) < 0 {
      // The lowest number that is free is this one.
      _ = open("/dev/null", O_RDWR)
    }
  }
}
