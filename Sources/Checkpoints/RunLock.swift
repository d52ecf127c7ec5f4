internal import Glibc

/// Keeps other processes out of a run directory until it is released, or dropped at the end of its scope.
///
/// The kernel holds the lock with the open file and drops it when the process ends, in whatever way.
package struct RunLock: ~Copyable {
  private let descriptor: Descriptor

  init(path: String) throws(CheckpointError) {
    let number = unsafe open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
    guard number >= 0 else { throw .system(call: "open", path: path, code: errno) }
    let held = Descriptor(taking: number)
    guard flock(number, LOCK_EX | LOCK_NB) == 0 else {
      let code = errno
      guard code == EWOULDBLOCK else { throw .system(call: "flock", path: path, code: code) }
      throw .locked(path: path, holder: RunLock.holder(number))
    }
    try RunLock.note("process \(getpid()) on host \(hostName())\n", in: number, path: path)
    descriptor = held
  }

  /// Lets others take the run.
  package consuming func release() {
    _ = descriptor.close()
  }

  /// Writes who holds the lock into the file, for those who are refused.
  private static func note(_ text: String, in number: Int32, path: String) throws(CheckpointError) {
    let bytes = Array(text.utf8)
    guard ftruncate(number, 0) == 0, unsafe pwrite(number, bytes, bytes.count, 0) == bytes.count else {
      throw .system(call: "write", path: path, code: errno)
    }
  }

  private static func holder(_ number: Int32) -> String {
    var bytes = [UInt8](repeating: 0, count: 512)
    let count = unsafe pread(number, &bytes, bytes.count, 0)
    let line = String(decoding: bytes.prefix(max(0, count)).prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
    return line.isEmpty ? "another process" : line
  }
}

private func hostName() -> String {
  var bytes = [CChar](repeating: 0, count: 256)
  guard unsafe gethostname(&bytes, bytes.count - 1) == 0 else { return "unknown" }
  return String(decoding: bytes.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
}
