internal import Foundation

extension CheckpointDirectory {
  /// Opens what a user names: a checkpoint; a run directory, or its `checkpoints`, whose newest intact one it is; a file
  /// `latest`, which names one; or a plain Hugging Face directory, which has no manifest to verify.
  ///
  /// - Parameter onPassedOver: gets path and reason of each newer checkpoint that does not verify.
  /// - Throws: ``CheckpointError`` if nothing intact is there.
  package static func named(
    _ path: String, onPassedOver: (_ path: String, _ reason: String) -> Void
  ) throws(CheckpointError) -> CheckpointDirectory {
    if let run = CheckpointStore.runDirectory(named: path) {
      let newest = try CheckpointStore(runDirectory: run).newestVerified()
      for (place, reason) in newest.passedOver { onPassedOver(place, reason) }
      guard let checkpoint = newest.checkpoint else { throw .missing(path: path, what: "checkpoint that verifies") }
      return checkpoint
    }
    let place = CheckpointStore.target(ofLink: path) ?? path
    guard Disk.real.isDirectory(place) else { throw .missing(path: path, what: "directory of a checkpoint or a run") }
    return Disk.real.exists(place + "/" + Manifest.fileName)
      ? try CheckpointDirectory(verifying: place) : try CheckpointDirectory(unverified: place)
  }
}

extension CheckpointStore {
  /// The run directory that a path of a user stands for: itself, or that of its `checkpoints`; nil if it is none.
  package static func runDirectory(named path: String) -> String? {
    if Disk.real.isDirectory(path + "/checkpoints") { return path }
    var parts = path.split(separator: "/", omittingEmptySubsequences: false)
    while parts.count > 1, parts.last == "" { parts.removeLast() }
    guard parts.last == "checkpoints", Disk.real.isDirectory(path) else { return nil }
    let above = parts.dropLast().joined(separator: "/")
    return parts.count == 1 ? "." : above.isEmpty ? "/" : above
  }

  /// The checkpoint that a file `latest` names; nil if the path is no such file.
  package static func target(ofLink path: String) -> String? {
    guard path == "latest" || path.hasSuffix("/latest"), !Disk.real.isDirectory(path),
      let data = FileManager.default.contents(atPath: path)
    else { return nil }
    let name = String(decoding: data.prefix(200), as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
    return path.dropLast("latest".count) + name
  }
}

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
