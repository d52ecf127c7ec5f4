/// Checkpoints that this process wrote or has read whole, told by the digests of their manifests. They count as intact
/// without being read again, as long as manifest and sizes are the same.
package struct VerifiedCheckpoints: Hashable, Sendable {
  /// Digests of manifests by path.
  private var digests: [String: String] = [:]

  package init() {}

  /// Takes note of a checkpoint that is intact.
  package mutating func note(path: String, digest: String) {
    digests[path] = digest
  }

  /// Whether a checkpoint is intact; reads all of one that is not known.
  mutating func isIntact(_ listing: CheckpointListing) -> Bool {
    let path = listing.path
    if let digest = digests[path], (try? Manifest.verifySizes(directory: path))?.manifest.digest == digest {
      return true
    }
    digests[path] = (try? Manifest.verify(directory: path))?.manifest.digest
    return digests[path] != nil
  }
}

extension CheckpointStore {
  /// Retention: removes old checkpoints. Damaged ones do not count: what stays are the newest intact ones, and damaged ones that
  /// are newer. If none is intact, all stay, and so does one that is being read.
  ///
  /// - Parameters:
  ///   - keepLast: how many of the newest stay; at least one does.
  ///   - keepEvery: checkpoints at multiples of so many steps stay too.
  ///   - verified: those that are known to be intact; whatever else is found to be is added.
  /// - Returns: paths of what was removed.
  @discardableResult
  package func prune(
    keepLast: Int, keepEvery: Int? = nil, verified: inout VerifiedCheckpoints
  ) throws(CheckpointError) -> [String] {
    precondition(keepLast >= 0, "prune: keep \(keepLast)")
    let listings = try list()
    // As long as nothing can be surplus, nothing is read.
    if listings.count <= max(1, keepLast) { return [] }
    let kept = newestIntact(max(1, keepLast), of: listings, &verified)
    guard kept.count == max(1, keepLast), let oldest = kept.last else { return [] }
    return try remove(Array(listings.drop { $0 != oldest }.dropFirst()), keepEvery)
  }

  /// ``prune(keepLast:keepEvery:verified:)`` of a process that knows at most one checkpoint.
  @discardableResult
  package func prune(
    keepLast: Int, keepEvery: Int? = nil, written: WrittenCheckpoint? = nil
  ) throws(CheckpointError) -> [String] {
    var verified = VerifiedCheckpoints()
    if let written { verified.note(path: written.path, digest: written.digest) }
    return try prune(keepLast: keepLast, keepEvery: keepEvery, verified: &verified)
  }

  /// Makes room on a full disk: removes all but the newest intact checkpoints, damaged ones too. If none is intact, all
  /// stay; so do those at multiples of `keepEvery` steps, and one that is being read.
  ///
  /// - Returns: paths of what was removed.
  package func makeRoom(
    keepLast: Int, keepEvery: Int?, verified: inout VerifiedCheckpoints
  ) throws(CheckpointError) -> [String] {
    let listings = try list()
    let kept = newestIntact(max(1, keepLast), of: listings, &verified)
    return kept.isEmpty ? [] : try remove(listings.filter { !kept.contains($0) }, keepEvery)
  }

  private func newestIntact(
    _ count: Int, of listings: [CheckpointListing], _ verified: inout VerifiedCheckpoints
  ) -> [CheckpointListing] {
    var intact: [CheckpointListing] = []
    for listing in listings where intact.count < count && verified.isIntact(listing) { intact.append(listing) }
    return intact
  }

  private func remove(_ listings: [CheckpointListing], _ keepEvery: Int?) throws(CheckpointError) -> [String] {
    precondition((keepEvery ?? 1) > 0, "keep every \(keepEvery ?? 1)")
    var removed: [String] = []
    for listing in listings where keepEvery.map({ listing.step % $0 != 0 }) ?? true {
      if try remove(listing.path) { removed.append(listing.path) }
    }
    return removed
  }
}

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
