/// A checkpoint that was just written and lasts.
package struct WrittenCheckpoint: Hashable, Sendable {
  package let path: String
  package let step: Int
  /// Bytes of all files without the manifest.
  package let byteCount: Int
  /// Digest of the manifest.
  package let digest: String
  /// What writers that are dead had left over, removed or put back before this one was written; for the log.
  package let cleanedUp: [String]
}
