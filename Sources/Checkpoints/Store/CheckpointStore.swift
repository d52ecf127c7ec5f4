/// The checkpoints of one run: `checkpoints/step-00001000/…` and `checkpoints/latest` in its directory.
///
/// Whoever writes or prunes must hold the run's lock (``RunDirectory/lock()``). At every instant, be the process killed
/// or the power cut, the last checkpoint that was written, or a newer one, is there and verifies.
package struct CheckpointStore: Sendable {
  /// Where the checkpoints are.
  package let directory: String
  let disk: Disk
  private let program: ProgramVersion

  package init(runDirectory: String, program: ProgramVersion = .current, disk: Disk = .real) {
    directory = runDirectory + "/checkpoints"
    self.program = program
    self.disk = disk
  }

  /// Writes a checkpoint, in place of an older one of the same step.
  ///
  /// - Parameter shardBytes: bytes of tensors that a file may hold.
  /// - Throws: ``CheckpointError`` with the call and the path that failed; older checkpoints are untouched then.
  package func write(_ contents: CheckpointContents, shardBytes: Int) throws(CheckpointError) -> WrittenCheckpoint {
    try disk.makeDirectories(directory)
    let cleanedUp = try cleanUp()
    let name = CheckpointListing.name(step: contents.state.step)
    let temporary = directory + "/" + TemporaryName(name, .writing).text
    let manifest: Manifest
    do {
      manifest = try writeFiles(of: contents, to: temporary, shardBytes)
      try moveIntoPlace(temporary, name)
    } catch {
      // Room for the next try, if the disk is full. What cannot be removed now is removed then.
      if disk.exists(temporary) { try? disk.removeTree(temporary) }
      throw error
    }
    try disk.replaceFile(directory + "/latest", with: Array((name + "\n").utf8))
    return WrittenCheckpoint(
      path: directory + "/" + name, step: contents.state.step,
      byteCount: manifest.files.reduce(0) { $0 + $1.byteCount }, digest: manifest.digest, cleanedUp: cleanedUp)
  }

  /// The directories named like checkpoints, newest first; none if there is no directory for them.
  package func list() throws(CheckpointError) -> [CheckpointListing] {
    guard disk.exists(directory) else { return [] }
    let listings = try disk.names(in: directory).compactMap { CheckpointListing(name: $0, in: directory) }
    return listings.sorted { ($0.step, $0.isReplaced ? 0 : 1) > ($1.step, $1.isReplaced ? 0 : 1) }
  }

  private func writeFiles(
    of contents: CheckpointContents, to path: String, _ shardBytes: Int
  ) throws(CheckpointError) -> Manifest {
    var writer = try DirectoryWriter(creating: path, disk: disk)
    try writer.writeModel(contents.modelConfig, generation: contents.generationConfig)
    try writer.write(contents.weights, stem: "model", shardBytes: shardBytes)
    if !contents.optimizer.isEmpty {
      try writer.write(contents.optimizer, stem: "optimizer", shardBytes: shardBytes)
    }
    try writer.write(contents.state.text, as: TrainerState.fileName)
    try writer.write(contents.extraFiles)
    return try writer.finish(as: program)
  }

  /// Gives a finished directory its name. One that has the name already steps aside and stays loadable until then.
  private func moveIntoPlace(_ temporary: String, _ name: String) throws(CheckpointError) {
    let target = directory + "/" + name
    let aside = target + CheckpointListing.replacedSuffix
    let replaces = disk.exists(target)
    if replaces { try disk.rename(target, to: aside) }
    do {
      try disk.rename(temporary, to: target)
    } catch {
      if replaces { try? disk.rename(aside, to: target) }
      throw error
    }
    try disk.synchronizeDirectory(directory)
    // One that is being read stays until the next write.
    if replaces { try remove(aside) }
  }

  /// Removes a directory so that it is gone by name before the first file of it is.
  ///
  /// - Returns: whether it was removed; one that somebody reads stays.
  @discardableResult
  func remove(_ path: String) throws(CheckpointError) -> Bool {
    try ReadMark.excludingReaders(of: path) { () throws(CheckpointError) in
      let temporary = directory + "/" + TemporaryName(lastPart(path), .removing).text
      try disk.rename(path, to: temporary)
      try disk.synchronizeDirectory(directory)
      try disk.removeTree(temporary)
    }
  }
}

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

/// A directory that is named like a checkpoint; whether it verifies is another question.
package struct CheckpointListing: Hashable, Sendable {
  package let step: Int
  package let path: String
  /// Whether a newer writing of the same step was about to take this one's place.
  let isReplaced: Bool

  private static let prefix = "step-"
  static let replacedSuffix = ".replaced"

  /// Such as `step-00001000`.
  static func name(step: Int) -> String {
    let digits = String(step)
    return prefix + String(repeating: "0", count: max(0, 8 - digits.count)) + digits
  }

  /// Reads a directory's name; nil if it is not a checkpoint's.
  init?(name: String, in directory: String) {
    isReplaced = name.hasSuffix(CheckpointListing.replacedSuffix)
    let base = isReplaced ? String(name.dropLast(CheckpointListing.replacedSuffix.count)) : name
    guard base.hasPrefix(CheckpointListing.prefix), let step = Int(base.dropFirst(CheckpointListing.prefix.count)),
      step >= 0, CheckpointListing.name(step: step) == base
    else { return nil }
    self.step = step
    path = directory + "/" + name
  }
}
