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
