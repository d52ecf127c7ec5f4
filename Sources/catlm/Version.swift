import Checkpoints

/// What `--version` prints; checkpoints record the same.
enum Version {
  static let current = ProgramVersion.current.version
}
