internal import Glibc

/// What can be wrong with a run directory or a checkpoint, each in one line: where, what, found, allowed.
package enum CheckpointError: Error, Hashable, Sendable {
  /// A system call failed with an `errno`.
  case system(call: String, path: String, code: Int32)
  /// Something in a file is not what its format, or the caller, allows.
  case malformed(path: String, what: String, found: String, allowed: String)
  /// A file, or a tensor of one, is not there.
  case missing(path: String, what: String)
  /// A file is not the one that the manifest recorded.
  case damaged(path: String, what: String, found: String, recorded: String)
  /// A file that no manifest knows is named like a part of the checkpoint.
  case unexpected(path: String, allowed: String)
  /// The elements of a tensor that is being written could not be had.
  case source(tensor: String, reason: String)
  /// Another process holds the run directory.
  case locked(path: String, holder: String)
}

extension CheckpointError: CustomStringConvertible {
  package var description: String {
    switch self {
    case .system(let call, let path, let code):
      "\(oneLine(path)): \(call) failed: \(unsafe String(cString: strerror(code))) (errno \(code))"
    case .malformed(let path, let what, let found, let allowed):
      "\(oneLine(path)): \(oneLine(what)): found \(oneLine(found)), allowed: \(oneLine(allowed))"
    case .missing(let path, let what):
      "\(oneLine(path)): \(oneLine(what)) is missing"
    case .damaged(let path, let what, let found, let recorded):
      "\(oneLine(path)): \(what): found \(oneLine(found)), the manifest has \(oneLine(recorded))"
    case .unexpected(let path, let allowed):
      "\(oneLine(path)): found a file that does not belong to the checkpoint, allowed: \(oneLine(allowed))"
    case .source(let tensor, let reason):
      "tensor \(oneLine(tensor)) cannot be written: \(oneLine(reason))"
    case .locked(let path, let holder):
      "\(oneLine(path)): the run directory is in use by \(oneLine(holder)); one process at a time is allowed"
    }
  }
}

/// `text` without control characters and cut to a length that fits a message.
private func oneLine(_ text: String) -> String {
  let visible = text.unicodeScalars.map { $0.properties.generalCategory == .control ? "\u{FFFD}" : $0 }
  let line = String(String.UnicodeScalarView(visible))
  return line.count <= 400 ? line : line.prefix(400) + "…"
}
