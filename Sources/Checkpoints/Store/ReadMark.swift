internal import Glibc

/// Says to whoever removes checkpoints that one is being read: a lock on its manifest, shared among readers.
///
/// The lock is on the manifest and not on the directory, for NFS gives none on directories. Where a file system gives
/// no locks at all, readers are not seen.
struct ReadMark: ~Copyable {
  private let manifest: Descriptor

  /// Lets nobody remove a checkpoint as long as this lives.
  ///
  /// - Throws: ``CheckpointError/missing(path:what:)`` also for a checkpoint that is just being removed.
  init(directory: String) throws(CheckpointError) {
    let path = directory + "/" + Manifest.fileName
    let opened = try Disk.real.openForReading(path)
    if flock(opened.number, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK {
      throw .missing(path: path, what: "the file")
    }
    // Between the opening and the lock the directory may have got another name, under which it is removed.
    var (held, found) = (stat(), stat())
    guard unsafe fstat(opened.number, &held) == 0, unsafe stat(path, &found) == 0, held.st_ino == found.st_ino
    else { throw .missing(path: path, what: "the file") }
    manifest = opened
  }

  private init(_ manifest: consuming Descriptor) {
    self.manifest = manifest
  }

  deinit {
    // A process that was just started may have the file open, too, for another moment.
    _ = flock(manifest.number, LOCK_UN)
  }

  /// Calls `body` while nobody reads a checkpoint or can begin to.
  ///
  /// - Returns: whether `body` was called; not if somebody reads.
  static func excludingReaders(
    of directory: String, _ body: () throws(CheckpointError) -> Void
  ) throws(CheckpointError) -> Bool {
    // An exclusive lock over NFS needs a file that is open for writing. Without a manifest there is nobody to exclude.
    let number = unsafe open(directory + "/" + Manifest.fileName, O_RDWR | O_CLOEXEC)
    guard number >= 0 else {
      try body()
      return true
    }
    let manifest = Descriptor(taking: number)
    if flock(number, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK { return false }
    let mark = ReadMark(manifest)
    try body()
    mark.end()
    return true
  }

  private consuming func end() {}
}
