import Benchmarks
import JSON
import Telemetry

/// Times the same training in every split of the cores into ranks and threads.
///
/// Each core has as many samples in every split: a rank of t threads gets t times the samples of a rank of one. So the
/// splits that use all cores do the same work on the same batch, in the way that a run would, and those with fewer
/// cores a part of it.
struct TrainSweep {
  /// Samples of a core.
  let sampleCount: Int
  /// Cores that are split.
  let coreCount: Int
  /// Arguments of `benchmark train` for each of the runs.
  let arguments: [String]

  /// - Parameter arguments: of the command that asked for the sweep; those that a split decides are left out.
  init(sampleCount: Int, coreCount: Int, arguments: [String]) {
    self.sampleCount = sampleCount
    self.coreCount = coreCount
    self.arguments = Self.passedOn(arguments)
  }

  static func passedOn(_ arguments: [String]) -> [String] {
    let valued = ["--threads", "--batch-size", "--batch"]
    var kept: [String] = []
    var skipsValue = false
    for argument in arguments {
      if skipsValue {
        skipsValue = false
      } else if valued.contains(argument) {
        skipsValue = true
      } else if !["--sweep", "--json"].contains(argument), !valued.contains(where: { argument.hasPrefix($0 + "=") }) {
        kept.append(argument)
      }
    }
    return kept
  }

  /// Runs the splits one after the other and gives what each of them reported.
  func run() throws -> [JSONValue] {
    let splits = RankSplit.all(of: coreCount)
    // Before minutes have gone into the splits that need no launcher.
    if splits.contains(where: { $0.rankCount > 1 }) { _ = try ChildProgram.launcher() }
    return try splits.map { split in
      Console.standardError.print("\(split.rankCount) ranks of \(split.threadCount) threads")
      let own = ["--threads", "\(split.threadCount)", "--batch-size", "\(sampleCount * split.threadCount)", "--json"]
      return try ChildProgram.run(rankCount: split.rankCount, arguments + own)
    }
  }

  /// The split that makes the most tokens a second.
  static func best(_ reports: [JSONValue]) -> JSONValue? {
    reports.max { rate($0) < rate($1) }
  }

  private static func rate(_ report: JSONValue) -> Double { report["tokens_per_second"]?.numberValue ?? 0 }

  func object(_ reports: [JSONValue]) -> JSONValue {
    let best = Self.best(reports)
    return [
      "cores": .integer(coreCount), "samples_a_core": .integer(sampleCount),
      "best": ["ranks": best?["ranks"] ?? .null, "threads": best?["threads"] ?? .null], "splits": .list(reports),
    ]
  }

  func text(_ reports: [JSONValue]) -> String {
    var table = TextTable(["ranks", "threads", "samples a rank", "tokens/s", "a core", "step ms", "of ceiling"])
    for report in reports {
      let (ranks, threads) = (report["ranks"]?.integerValue ?? 1, report["threads"]?.integerValue ?? 1)
      table.add([
        "\(ranks)", "\(threads)", "\(report["batch"]?.integerValue ?? 0)", Format.fixed(Self.rate(report), digits: 0),
        Format.fixed(Self.rate(report) / Double(ranks * threads), digits: 0),
        Format.fixed((report["step_seconds"]?.numberValue ?? .nan) * 1e3, digits: 1),
        Format.fixed(report["share_of_ceiling"]?.numberValue ?? .nan, digits: 2),
      ])
    }
    let best = Self.best(reports)
    let name = { (key: String) in best?[key]?.json() ?? "?" }
    return table.text + "\nbest: \(name("ranks")) ranks of \(name("threads")) threads, --batch-size \(name("batch"))"
  }
}
