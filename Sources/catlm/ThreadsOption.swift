import ArgumentParser
import Foundation
import Parallel

/// The option `--threads`.
struct ThreadsOption: ParsableArguments {
  @Option(help: "Threads of a process; by default its share of the cores.")
  var threads: Int?

  func validate() throws {
    try OptionCheck.require("--threads", threads, in: 1...1024)
    guard let threads, threads > Host.coreCount, ProcessGroups.isFirstRank else { return }
    FileHandle.standardError.write(Data("catlm: --threads: \(Host.crowding(threads, rankCount: 1))\n".utf8))
  }

  var count: Int { threads ?? Host.coreCount }
}
