/// The commands that a user gives after a run, as a shell takes them.
struct NextCommands {
  let lines: [String]

  /// - Parameters:
  ///   - run: the run directory.
  ///   - program: how the program was called.
  init(_ config: RunConfig, run: String, program: String) {
    let start = [program, "evaluate", run].map(Self.quoted).joined(separator: " ")
    var lines = [start]
    if config.data.tokenizer != nil {
      var words = [program, "generate", run, "--prompt", Self.prompt]
      if config.model.chunkSizes != nil { words += ["--chunk-size", "\(config.train.chunks.sizes.min() ?? 1)"] }
      let room = config.model.maximumLength - Self.prompt.utf8.count
      if room > 0 {
        words += ["--max-tokens", "\(min(100, room))"]
        lines.append(words.map(Self.quoted).joined(separator: " "))
      }
    }
    self.lines = lines
  }

  /// Short, and a beginning in most texts.
  private static let prompt = "The "

  /// A word as a POSIX shell reads it back.
  static func quoted(_ word: String) -> String {
    let plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=./:@%,"
    guard word.isEmpty || !word.allSatisfy(plain.contains) else { return word }
    return "'" + word.replacing("'", with: "'\\''") + "'"
  }
}
