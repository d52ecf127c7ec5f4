/// A file as it was written: what a manifest knows about it.
package struct FileRecord: Hashable, Sendable {
  /// Name within the directory.
  package let name: String
  package let byteCount: Int
  /// SHA-256 of the content, in lower-case hexadecimal digits.
  package let sha256: String
}
