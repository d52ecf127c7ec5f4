internal import Glibc

/// A process that holds a run, as the lock file names it.
struct LockHolder: Hashable, Sendable {
  let process: Int32
  let host: String

  init(process: Int32, host: String) {
    self.process = process
    self.host = host
  }

  /// Reads what ``text`` gave; nil if it is something else.
  init?(reading text: String) {
    let words = text.split(separator: " ", maxSplits: 4)
    guard words.count == 5, words[0] == "process", words[2...3] == ["on", "host"], let process = Int32(words[1]),
      process > 0
    else { return nil }
    self.process = process
    host = String(words[4])
  }

  var text: String { "process \(process) on host \(host)" }
}

/// What a lock knows of the machine that it is taken on.
struct LockSurroundings: Sendable {
  let host: String
  /// From one sign of life of a holder to the next.
  let heartbeatInterval: Duration
  /// Lets a time pass.
  let pause: @Sendable (Duration) -> Void

  static let real = LockSurroundings(host: hostName(), heartbeatInterval: .seconds(5)) { duration in
    let (seconds, attoseconds) = duration.components
    _ = usleep(UInt32(clamping: seconds * 1_000_000 + attoseconds / 1_000_000_000_000))
  }

  /// Whether a holder that the file names still lives.
  ///
  /// - Parameter isKernelLocked: whether the kernel gave the lock, which it does not while a process of this machine
  ///   has it.
  func isAlive(_ holder: LockHolder, path: String, _ isKernelLocked: Bool) -> Bool {
    if holder.host != host { return isHeard(path) }
    return !isKernelLocked && holder.process != getpid() && (kill(holder.process, 0) == 0 || errno == EPERM)
  }

  /// Whether somebody gives signs of life in the file during two intervals and a half. Times of different machines are
  /// not compared, for their clocks may differ.
  private func isHeard(_ path: String) -> Bool {
    guard let first = modification(path) else { return false }
    for _ in 0..<10 {
      pause(heartbeatInterval / 4)
      if modification(path) != first { return true }
    }
    return false
  }

  /// When a file was last modified, in nanoseconds. It is opened for that, since network file systems ask the server
  /// then.
  private func modification(_ path: String) -> Int? {
    guard let file = try? Disk.real.openForReading(path) else { return nil }
    var status = stat()
    guard unsafe fstat(file.number, &status) == 0 else { return nil }
    return status.st_mtim.tv_sec * 1_000_000_000 + status.st_mtim.tv_nsec
  }
}

private func hostName() -> String {
  var bytes = [CChar](repeating: 0, count: 256)
  guard unsafe gethostname(&bytes, bytes.count - 1) == 0 else { return "unknown" }
  return String(decoding: bytes.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
}
