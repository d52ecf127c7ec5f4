/// The result of looking for a checkpoint to go on from.
package struct NewestCheckpoint {
  /// The newest that verifies; nil if none does.
  package let checkpoint: CheckpointDirectory?
  /// Newer ones that do not, newest first, each with the reason in one line.
  package let passedOver: [(path: String, reason: String)]
}

extension CheckpointStore {
  /// Looks for the newest checkpoint that verifies. A run without checkpoints is no error.
  package func newestVerified() throws(CheckpointError) -> NewestCheckpoint {
    var passedOver: [(path: String, reason: String)] = []
    for listing in try list() {
      do {
        let checkpoint = try CheckpointDirectory(verifying: listing.path)
        return NewestCheckpoint(checkpoint: checkpoint, passedOver: passedOver)
      } catch {
        passedOver.append((listing.path, error.description))
      }
    }
    return NewestCheckpoint(checkpoint: nil, passedOver: passedOver)
  }
}
