internal import Glibc

/// The system calls that change a disk. Every return code is checked here, and becomes an error with the call's name,
/// the path and the `errno`.
package struct Disk: Sendable {
  /// Told of each change before it is made; an `errno` that it returns makes the change fail with it instead.
  package typealias Observer = @Sendable (DiskChange) -> Int32?

  /// The disk as it is.
  package static let real = Disk()

  private let observer: Observer?

  package init(observer: Observer? = nil) {
    self.observer = observer
  }

  /// Opens a new file for writing.
  ///
  /// - Parameter replacing: whether an existing file is emptied; without, it is an error.
  func create(_ path: String, replacing: Bool) throws(CheckpointError) -> Descriptor {
    let flags = O_WRONLY | O_CREAT | O_CLOEXEC | (replacing ? O_TRUNC : O_EXCL)
    return Descriptor(taking: try perform(.create(path: path), "open", path) { unsafe open(path, flags, 0o644) })
  }

  /// Writes all of `bytes` at the end of a file.
  func write(
    _ bytes: UnsafeRawBufferPointer, to descriptor: borrowing Descriptor, path: String
  ) throws(CheckpointError) {
    let number = descriptor.number
    var rest = unsafe bytes
    while let start = rest.baseAddress, unsafe !rest.isEmpty {
      let count = rest.count
      let written = try perform(.write(path: path, byteCount: count), "write", path) {
        unsafe Glibc.write(number, start, count)
      }
      // A write that takes nothing and reports no error would go round for ever.
      guard written > 0 else { throw .system(call: "write", path: path, code: EIO) }
      unsafe rest = UnsafeRawBufferPointer(rebasing: rest[written...])
    }
  }

  /// Asks the kernel to bring a part of a file to the disk while the caller goes on. It promises nothing, so nothing is
  /// checked; ``synchronize(_:path:)`` does, and finds less to do.
  func beginSynchronizing(_ descriptor: borrowing Descriptor, _ range: Range<Int>) {
    _ = posix_fadvise(descriptor.number, range.lowerBound, range.count, POSIX_FADV_DONTNEED)
  }

  func synchronize(_ descriptor: borrowing Descriptor, path: String) throws(CheckpointError) {
    let number = descriptor.number
    _ = try perform(.synchronize(path: path), "fsync", path) { fsync(number) }
  }

  func close(_ descriptor: consuming Descriptor, path: String) throws(CheckpointError) {
    let injected = observer?(.close(path: path)) ?? 0
    let found = descriptor.close()
    let code = injected != 0 ? injected : found
    guard code == 0 else { throw .system(call: "close", path: path, code: code) }
  }

  /// Makes the entries of a directory last.
  func synchronizeDirectory(_ path: String) throws(CheckpointError) {
    let directory = try openForReading(path, flags: O_DIRECTORY)
    do {
      try synchronize(directory, path: path)
    } catch .system(_, _, EINVAL) {
      // Some network file systems cannot do this to a directory and need not.
    }
  }

  /// Renames a file or directory; an existing file of the new name is replaced.
  func rename(_ path: String, to newPath: String) throws(CheckpointError) {
    _ = try perform(.rename(from: path, to: newPath), "rename to \(newPath)", path) {
      unsafe Glibc.rename(path, newPath)
    }
  }

  /// Makes a directory, which must not be there.
  func makeDirectory(_ path: String) throws(CheckpointError) {
    _ = try perform(.makeDirectory(path: path), "mkdir", path) { unsafe mkdir(path, 0o755) }
  }

  /// Makes a directory and those above it that are not there, and makes their entries last.
  func makeDirectories(_ path: String) throws(CheckpointError) {
    if isDirectory(path) { return }
    let parent = parentPath(path)
    if parent != path { try makeDirectories(parent) }
    do {
      try makeDirectory(path)
    } catch .system(_, _, EEXIST) where isDirectory(path) {
      // Another process was faster.
    }
    try synchronizeDirectory(parent)
  }

  /// Removes a directory that holds nothing.
  func removeEmptyDirectory(_ path: String) throws(CheckpointError) {
    _ = try perform(.removeDirectory(path: path), "rmdir", path) { unsafe rmdir(path) }
  }

  func removeFile(_ path: String) throws(CheckpointError) {
    _ = try perform(.removeFile(path: path), "unlink", path) { unsafe unlink(path) }
  }

  /// Removes a directory and all that is in it.
  func removeTree(_ path: String) throws(CheckpointError) {
    for name in try names(in: path) {
      let entry = path + "/" + name
      if isDirectory(entry, followingLinks: false) {
        try removeTree(entry)
      } else {
        try removeFile(entry)
      }
    }
    _ = try perform(.removeDirectory(path: path), "rmdir", path) { unsafe rmdir(path) }
  }

  /// Puts a file in place in one step: after a crash the old content is there or the new one, and never a part.
  func replaceFile(_ path: String, with bytes: [UInt8]) throws(CheckpointError) {
    let parent = parentPath(path)
    let temporary = parent + "/." + lastPart(path) + ".writing"
    var sink = try FileSink(path: temporary, disk: self, replacing: true)
    try sink.append(bytes)
    _ = try sink.finish()
    try rename(temporary, to: path)
    try synchronizeDirectory(parent)
  }

  private func perform<Result: SignedInteger>(
    _ change: DiskChange, _ call: String, _ path: String, _ body: () -> Result
  ) throws(CheckpointError) -> Result {
    if let code = observer?(change) { throw .system(call: call, path: path, code: code) }
    while true {
      let result = body()
      if result >= 0 { return result }
      let code = errno
      if code != EINTR { throw .system(call: call, path: path, code: code) }
    }
  }
}

/// The directory that `path` is in.
func parentPath(_ path: String) -> String {
  let trimmed = path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path
  guard let slash = trimmed.lastIndex(of: "/") else { return "." }
  return slash == trimmed.startIndex ? "/" : String(trimmed[..<slash])
}

/// The last part of `path`.
func lastPart(_ path: String) -> String {
  path.split(separator: "/").last.map(String.init) ?? path
}

/// One change that this module makes to a disk: what can fail, and what a power cut can lose.
package enum DiskChange: Hashable, Sendable {
  /// An empty file comes to be, or an existing one is emptied.
  case create(path: String)
  /// Bytes are added at the end of a file.
  case write(path: String, byteCount: Int)
  /// A file's bytes, or a directory's entries, are made to last.
  case synchronize(path: String)
  case close(path: String)
  case rename(from: String, to: String)
  case makeDirectory(path: String)
  case removeFile(path: String)
  case removeDirectory(path: String)
}

/// An open file of the kernel's, closed exactly once.
struct Descriptor: ~Copyable {
  let number: Int32

  init(taking number: Int32) {
    self.number = number
  }

  deinit {
    _ = Glibc.close(number)
  }

  /// Closes the file and tells what the kernel said: 0 or an `errno`.
  consuming func close() -> Int32 {
    let code = Glibc.close(number) == 0 ? 0 : errno
    discard self
    // Linux has closed the file when a signal interrupts the call.
    return code == EINTR ? 0 : code
  }
}
