internal import Foundation
internal import Synchronization

/// Files that must not outlive the process, whether it comes to its end or a signal asks it to go.
package enum TemporaryFiles {
  private static let paths = Mutex<Set<String>>([])

  static func add(_ path: String) { paths.withLock { _ = $0.insert(path) } }
  static func remove(_ path: String) { paths.withLock { _ = $0.remove(path) } }

  /// From here on SIGINT, SIGTERM and SIGHUP remove the files before they end the process. To be called before threads
  /// are started: a thread of its own waits for the signals, and all others have them blocked.
  ///
  /// What the parent had this process ignore stays ignored.
  package static func removeOnSignals() {
    let numbers = [SIGINT, SIGTERM, SIGHUP].filter { !isIgnored($0) }
    setMask(SIG_BLOCK, numbers)
    let thread = Thread {
      var signals = set(of: numbers)
      var number: Int32 = 0
      guard sigwait(&signals, &number) == 0 else { return }
      paths.withLock { paths in for path in paths { unlink(path) } }
      signal(number, SIG_DFL)
      setMask(SIG_UNBLOCK, numbers)
      kill(getpid(), number)
    }
    thread.name = "signals"
    thread.start()
  }

  private static func set(of numbers: [Int32]) -> sigset_t {
    var signals = sigset_t()
    sigemptyset(&signals)
    for number in numbers { sigaddset(&signals, number) }
    return signals
  }

  private static func setMask(_ how: Int32, _ numbers: [Int32]) {
    var signals = set(of: numbers)
    pthread_sigmask(how, &signals, nil)
  }

  private static func isIgnored(_ number: Int32) -> Bool {
    var action = sigaction()
    guard sigaction(number, nil, &action) == 0 else { return false }
    return unsafe unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self)
      == unsafeBitCast(SIG_IGN, to: Int.self)
  }
}
