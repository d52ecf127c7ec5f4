internal import Checkpoints

/// A checkpoint that was written, and what became of older ones.
struct SavedCheckpoint: Sendable {
  let written: WrittenCheckpoint
  /// Why older checkpoints that need not be kept are still there; nil if they are not.
  let pruningError: CheckpointError?

  /// Writes a checkpoint, then removes those that need not be kept.
  ///
  /// - Throws: ``CheckpointError`` if there is no new checkpoint; that an old one cannot be removed is no such error.
  init(
    writing contents: CheckpointContents, in store: CheckpointStore, as config: CheckpointConfig
  ) throws(CheckpointError) {
    let written = try store.write(contents, shardBytes: config.shardBytes)
    self.written = written
    do {
      try store.prune(keepLast: config.keepLast, keepEvery: config.keepEvery, written: written)
      pruningError = nil
    } catch {
      pruningError = error
    }
  }
}
