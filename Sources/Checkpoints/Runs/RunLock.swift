internal import Foundation
internal import Glibc

/// Keeps other processes out of a run directory until it is released, or dropped at the end of its scope.
///
/// The kernel holds the lock with the open file and drops it when the process ends, in whatever way; over NFS version 4
/// the server does, once it has not heard of the holder's machine for its lease time. The file says who holds the lock,
/// and its time of modification is set again every few seconds: where a file system gives no locks, or gives them to
/// each machine apart, that is what tells a holder on another machine that is alive from one that is dead. What remains
/// is that two processes which start in the same instant on different machines of such a file system both get it.
package struct RunLock: ~Copyable {
  /// Who held the lock before and ended without releasing it, such as `process 4711 on host a`; nil if nobody.
  package let deadHolder: String?

  private let descriptor: Descriptor
  private let heartbeat: Heartbeat

  /// - Parameter surroundings: what is known of this machine, and how time passes; tests give their own.
  init(path: String, surroundings: LockSurroundings = .real) throws(CheckpointError) {
    let number = unsafe open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
    guard number >= 0 else { throw .system(call: "open", path: path, code: errno) }
    let held = Descriptor(taking: number)
    let isKernelLocked = try RunLock.lock(number, path)
    let note = RunLock.note(in: number)
    let before = LockHolder(reading: note)
    if let before, surroundings.isAlive(before, path: path, isKernelLocked) {
      throw .locked(path: path, holder: note)
    }
    let holder = LockHolder(process: getpid(), host: surroundings.host)
    try RunLock.write(holder.text + "\n", to: number, path: path)
    deadHolder = before.map { _ in note }
    descriptor = held
    heartbeat = Heartbeat(of: number, interval: surroundings.heartbeatInterval)
  }

  deinit {
    heartbeat.stop()
    // Nobody is to take this for the end of a process that died. If it fails, somebody will, and goes on all the same.
    _ = ftruncate(descriptor.number, 0)
    // A process that was just started may have the file open, too, for another moment.
    _ = flock(descriptor.number, LOCK_UN)
  }

  /// Lets others take the run.
  package consuming func release() {}

  /// Whether the kernel gave the lock; false where the file system has none.
  private static func lock(_ number: Int32, _ path: String) throws(CheckpointError) -> Bool {
    if flock(number, LOCK_EX | LOCK_NB) == 0 { return true }
    let code = errno
    if code == EWOULDBLOCK {
      let note = note(in: number)
      throw .locked(path: path, holder: note.isEmpty ? "another process" : note)
    }
    guard [ENOLCK, ENOSYS, EOPNOTSUPP].contains(code) else { throw .system(call: "flock", path: path, code: code) }
    return false
  }

  /// Writes who holds the lock into the file, for those who are refused.
  private static func write(_ text: String, to number: Int32, path: String) throws(CheckpointError) {
    let bytes = Array(text.utf8)
    guard ftruncate(number, 0) == 0, unsafe pwrite(number, bytes, bytes.count, 0) == bytes.count else {
      throw .system(call: "write", path: path, code: errno)
    }
  }

  /// The first line of the file.
  private static func note(in number: Int32) -> String {
    var bytes = [UInt8](repeating: 0, count: 512)
    let count = unsafe pread(number, &bytes, bytes.count, 0)
    return String(decoding: bytes.prefix(max(0, count)).prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
  }
}

/// Sets a file's time of modification again and again, on a thread of its own, as a sign of life.
// `condition` guards all that can change.
final class Heartbeat: @unchecked Sendable {
  private let condition = NSCondition()
  private var isStopped = false
  private var hasEnded = false

  /// - Parameter number: an open file, which stays open until ``stop()`` has returned.
  init(of number: Int32, interval: Duration) {
    Thread { self.beat(number, seconds: interval / .seconds(1)) }.start()
  }

  /// Ends the thread.
  func stop() {
    condition.withLock {
      isStopped = true
      condition.broadcast()
      while !hasEnded { condition.wait() }
    }
  }

  private func beat(_ number: Int32, seconds: Double) {
    condition.withLock {
      while !isStopped {
        // A beat that fails is one that others miss; the next may be heard.
        _ = futimens(number, nil)
        _ = condition.wait(until: Date(timeIntervalSinceNow: seconds))
      }
      hasEnded = true
      condition.broadcast()
    }
  }
}
