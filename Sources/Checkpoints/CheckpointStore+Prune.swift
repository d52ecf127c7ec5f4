extension CheckpointStore {
  /// Removes old checkpoints. The newest that verifies always stays, and so do one that is being read and everything if
  /// none verifies.
  ///
  /// - Parameters:
  ///   - keepLast: how many of the newest stay.
  ///   - keepEvery: checkpoints at multiples of so many steps stay too.
  ///   - written: a checkpoint that this process just wrote. It counts as verified without its contents being read
  ///     again, if its manifest and sizes still are what was written.
  /// - Returns: paths of what was removed.
  @discardableResult
  package func prune(
    keepLast: Int, keepEvery: Int? = nil, written: WrittenCheckpoint? = nil
  ) throws(CheckpointError) -> [String] {
    precondition(keepLast >= 0 && (keepEvery ?? 1) > 0, "prune: keep \(keepLast), every \(keepEvery ?? 1)")
    let listings = try list()
    let surplus = listings.dropFirst(keepLast).filter { listing in
      keepEvery.map { listing.step % $0 != 0 } ?? true
    }
    if surplus.isEmpty { return [] }
    guard let newest = listings.first(where: { isVerified($0, written) }) else { return [] }
    var removed: [String] = []
    for listing in surplus where listing != newest {
      if try remove(listing.path) { removed.append(listing.path) }
    }
    return removed
  }

  private func isVerified(_ listing: CheckpointListing, _ written: WrittenCheckpoint?) -> Bool {
    guard let written, written.path == listing.path else {
      return (try? Manifest.verify(directory: listing.path)) != nil
    }
    return (try? Manifest.verifySizes(directory: listing.path))?.manifest.digest == written.digest
  }
}
