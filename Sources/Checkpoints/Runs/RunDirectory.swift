/// The directory of one training run: configuration, metrics, checkpoints, and the lock that keeps others out.
package struct RunDirectory: Sendable {
  package let path: String
  private let disk: Disk
  /// Directories that were not there before, innermost first.
  private let made: [String]

  /// Makes the directory, and those above it, if they are not there.
  package init(path: String, disk: Disk = .real) throws(CheckpointError) {
    self.path = path
    self.disk = disk
    var missing: [String] = []
    var place = path
    while !disk.exists(place), missing.last != place {
      missing.append(place)
      place = parentPath(place)
    }
    made = missing
    try disk.makeDirectories(path)
  }

  /// Takes away what this value made, if a start that was refused left nothing in it but its lock.
  package func removeIfUnused() {
    guard !made.isEmpty, (try? disk.names(in: path)) == ["lock"] else { return }
    try? disk.removeFile(path + "/lock")
    // Those that hold something else stay: only empty directories can be removed so.
    for directory in made { try? disk.removeEmptyDirectory(directory) }
  }

  package var configurationPath: String { path + "/config.yaml" }
  package var metricsPath: String { path + "/metrics.jsonl" }
  package var logPath: String { path + "/run.log" }

  /// The checkpoints of this run.
  package var checkpoints: CheckpointStore { CheckpointStore(runDirectory: path, disk: disk) }

  /// Takes the run for this process, until the lock is released or the process ends in whatever way.
  ///
  /// If its last holder, on another host, ended without releasing it, this takes a few seconds.
  ///
  /// - Throws: ``CheckpointError/locked(path:holder:)`` naming process and host, if another has it.
  package func lock() throws(CheckpointError) -> RunLock {
    try RunLock(path: path + "/lock")
  }

  /// Puts the resolved configuration in place, whole or not at all.
  package func writeConfiguration(_ yaml: String) throws(CheckpointError) {
    try disk.replaceFile(configurationPath, with: Array(yaml.utf8))
  }

  /// Takes the records of later steps out of `metrics.jsonl`, and lines that a crash tore.
  ///
  /// Records without a step stay. The file is put in place whole or not at all, and only if something goes.
  package func cutMetrics(toStep step: Int) throws(CheckpointError) -> MetricsCut {
    guard disk.exists(metricsPath) else { return MetricsCut() }
    let bytes = try disk.readFile(metricsPath)
    let (kept, cut) = MetricsCut.cut(bytes, toStep: step)
    if kept.count < bytes.count { try disk.replaceFile(metricsPath, with: kept) }
    return cut
  }
}
