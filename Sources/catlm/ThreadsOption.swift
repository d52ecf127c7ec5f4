import ArgumentParser

/// The option `--threads`.
struct ThreadsOption: ParsableArguments {
  @Option(help: "Threads of a process; by default its share of the cores.")
  var threads: Int?

  func validate() throws {
    guard (1...1024).contains(threads ?? 1) else {
      throw ValidationError("--threads: found \(threads ?? 0), allowed: 1 to 1024")
    }
  }

  var count: Int { threads ?? Host.coreCount }
}
