extension CheckpointStore {
  /// Ends what dead writers began: removes their temporary directories, and settles replacements that stopped half-way.
  ///
  /// - Returns: what was done, a line each.
  func cleanUp() throws(CheckpointError) -> [String] {
    var done: [String] = []
    for name in try disk.names(in: directory) {
      guard let temporary = TemporaryName(reading: name), temporary.isStale else { continue }
      let path = directory + "/" + name
      try disk.removeTree(path)
      done.append("removed \(path), left by process \(temporary.process)")
    }
    for listing in try list() where listing.isReplaced {
      if let line = try settle(listing) { done.append(line) }
    }
    return done
  }

  /// Of a checkpoint and the one that was to take its place, keeps the new one if it verifies and else the old one.
  ///
  /// - Returns: what was done; nil if nothing could be, since somebody reads what should go.
  private func settle(_ old: CheckpointListing) throws(CheckpointError) -> String? {
    let target = directory + "/" + CheckpointListing.name(step: old.step)
    if disk.exists(target) {
      if (try? Manifest.verify(directory: target)) != nil {
        return try remove(old.path) ? "removed \(old.path), which had been replaced" : nil
      }
      guard try remove(target) else { return nil }
    }
    try disk.rename(old.path, to: target)
    try disk.synchronizeDirectory(directory)
    return "put \(old.path) back, whose replacement was not complete"
  }
}
