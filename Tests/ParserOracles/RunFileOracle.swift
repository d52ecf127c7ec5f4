internal import FaultSupport
internal import JSON
internal import Settings
internal import Training

/// A second opinion on run files.
package enum RunFileOracle {
  /// Whether the text is a run; if not, one line must say why.
  package static func isAccepted(_ text: String) throws -> Bool {
    do {
      _ = try RunConfig(RunFile(yaml: text, name: "mutated"))
      return true
    } catch {
      try expect(!error.description.contains("\n"), "more than a line: \(error)")
      return false
    }
  }

  /// Reads a text: it is refused in one line, or says the same when it is written out and read again.
  package static func check(_ text: String) throws {
    guard try isAccepted(text) else { return }
    let config = try RunConfig(RunFile(yaml: text, name: "mutated"))
    do {
      let again = try RunConfig(RunFile(yaml: config.resolved.yaml(), name: "mutated"))
      try expect(again.resolved == config.resolved, "read again as \(again.resolved.json()): \(text)")
    } catch let error as JSONError {
      throw Unexpected("accepted, but not when written out: \(error)\n\(text)")
    }
  }
}
