internal import Checkpoints
internal import Glibc

/// A checkpoint that was written, and what became of older ones.
struct SavedCheckpoint: Sendable {
  let written: WrittenCheckpoint
  /// Older ones that went before it, for the disk was full.
  let removedForRoom: [String]
  /// Why older checkpoints that need not be kept are still there; nil if they are not.
  let pruningError: CheckpointError?
  /// Checkpoints known to be intact, this one included.
  let verified: VerifiedCheckpoints

  /// Writes a checkpoint, then removes those that need not be kept.
  ///
  /// On a full disk those go first that would go afterwards; for the last checkpoint of a run all but the newest intact
  /// one. ``CheckpointConfig/keepEvery`` holds in any case.
  ///
  /// - Throws: ``CheckpointError`` if there is no new checkpoint; that an old one cannot be removed is no such error.
  init(
    writing contents: CheckpointContents, in store: CheckpointStore, as config: CheckpointConfig, isLast: Bool,
    verified: VerifiedCheckpoints
  ) throws(CheckpointError) {
    var verified = verified
    (written, removedForRoom) = try Self.write(contents, in: store, config, isLast, &verified)
    verified.note(path: written.path, digest: written.digest)
    do {
      try store.prune(keepLast: config.keepLast, keepEvery: config.keepEvery, verified: &verified)
      pruningError = nil
    } catch {
      pruningError = error
    }
    self.verified = verified
  }

  private static func write(
    _ contents: CheckpointContents, in store: CheckpointStore, _ config: CheckpointConfig, _ isLast: Bool,
    _ verified: inout VerifiedCheckpoints
  ) throws(CheckpointError) -> (WrittenCheckpoint, removed: [String]) {
    do {
      return (try store.write(contents, shardBytes: config.shardBytes), [])
    } catch {
      guard case .system(_, _, let code) = error, code == ENOSPC || code == EDQUOT else { throw error }
      // What is to stay alone is read once more.
      if isLast { verified = VerifiedCheckpoints() }
      let removed = try store.makeRoom(
        keepLast: isLast ? 1 : config.keepLast - 1, keepEvery: config.keepEvery, verified: &verified)
      if removed.isEmpty { throw error }
      return (try store.write(contents, shardBytes: config.shardBytes), removed)
    }
  }
}
