import ArgumentParser

/// The option `--threads` of commands that run in one process.
struct ThreadsOption: ParsableArguments {
  @Option(help: "Threads; by default all cores.")
  var threads: Int?

  func validate() throws {
    guard (1...1024).contains(threads ?? 1) else {
      throw ValidationError("--threads: found \(threads ?? 0), allowed: 1 to 1024")
    }
  }

  var count: Int { threads ?? Host.coreCount }
}
