/// A file being written: sums up what goes through it, and lasts once finished.
///
/// A sink that is dropped unfinished leaves a file that nobody may count on.
struct FileSink: ~Copyable {
  /// Large pieces are summed and written in parts that stay in a core's cache between the two.
  private static let partBytes = 1 << 20
  /// The disk is kept at work with stretches of this size while the next one is summed.
  private static let stretchBytes = 32 << 20

  private let path: String
  private let disk: Disk
  private let descriptor: Descriptor
  private let hasher = SHA256()
  private var byteCount = 0
  /// Where the stretch begins that the disk has not been asked to take.
  private var stretchStart = 0
  /// Small pieces wait here for each other.
  private var waiting: [UInt8] = []

  init(path: String, disk: Disk, replacing: Bool = false) throws(CheckpointError) {
    self.descriptor = try disk.create(path, replacing: replacing)
    self.path = path
    self.disk = disk
  }

  mutating func append(_ bytes: UnsafeRawBufferPointer) throws(CheckpointError) {
    if waiting.count + bytes.count <= FileSink.partBytes {
      unsafe waiting.append(contentsOf: bytes)
      return
    }
    try flush()
    try unsafe write(bytes)
  }

  mutating func append(_ bytes: [UInt8]) throws(CheckpointError) {
    if waiting.count + bytes.count > FileSink.partBytes { try flush() }
    waiting.append(contentsOf: bytes)
    if waiting.count > FileSink.partBytes { try flush() }
  }

  /// Brings everything to the disk and closes the file.
  consuming func finish() throws(CheckpointError) -> FileRecord {
    try flush()
    try disk.synchronize(descriptor, path: path)
    let sum = hasher.finalize()
    let record = FileRecord(name: lastPart(path), byteCount: byteCount, sha256: sum)
    let (disk, path) = (disk, path)
    try disk.close(descriptor, path: path)
    return record
  }

  private mutating func flush() throws(CheckpointError) {
    if waiting.isEmpty { return }
    var bytes: [UInt8] = []
    swap(&bytes, &waiting)
    let result = unsafe bytes.withUnsafeBytes { memory in
      Result { () throws(CheckpointError) in try unsafe write(memory) }
    }
    try result.get()
    bytes.removeAll(keepingCapacity: true)
    swap(&bytes, &waiting)
  }

  private mutating func write(_ bytes: UnsafeRawBufferPointer) throws(CheckpointError) {
    for start in stride(from: 0, to: bytes.count, by: FileSink.partBytes) {
      let part = unsafe UnsafeRawBufferPointer(rebasing: bytes[start..<min(start + FileSink.partBytes, bytes.count)])
      unsafe hasher.update(part)
      try unsafe disk.write(part, to: descriptor, path: path)
      byteCount += part.count
      if byteCount - stretchStart >= FileSink.stretchBytes {
        disk.beginSynchronizing(descriptor, stretchStart..<byteCount)
        stretchStart = byteCount
      }
    }
  }
}
