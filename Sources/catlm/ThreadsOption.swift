import ArgumentParser

/// The option `--threads`.
struct ThreadsOption: ParsableArguments {
  @Option(help: "Threads of a process; by default its share of the cores.")
  var threads: Int?

  func validate() throws {
    try OptionCheck.require("--threads", threads, in: 1...1024)
  }

  var count: Int { threads ?? Host.coreCount }
}
