import ArgumentParser
import Foundation
import Report
import Telemetry

struct ReportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "report",
    abstract: "Writes one page about runs: curves, quality against cost, samples, what differs.",
    discussion: """
      The page is one file of HTML that needs no network and no script: losses at each chunk size, learning rate, gradient \
      norm and speed of the runs side by side, what `catlm evaluate` found, sample texts, and the settings in which the \
      runs differ. A box for each run hides it in all charts.

      Example: catlm report runs/smoke --output report.html
      """)

  @Argument(help: "Run directories.")
  var runs: [String]

  @Option(help: "The HTML file to write.")
  var output = "report.html"

  @Option(help: "What stands above the page.")
  var title: String?

  func run() throws {
    let histories = try RunHistory.named(runs)
    let heading = title ?? (runs.count == 1 ? "Run \(histories[0].name)" : "\(runs.count) runs")
    let page = ReportPage(histories, title: heading)
    try PageFile.write(page.html, to: output, opening: "<!DOCTYPE html>", sources: runs)
    try Output.print("\(output): \(runs.count == 1 ? "1 run" : "\(runs.count) runs")")
  }
}

extension RunHistory {
  /// Runs under the names of their directories, or their whole paths where two have the same. Says so where lines of
  /// metrics are no records.
  static func named(_ paths: [String]) throws -> [RunHistory] {
    let names = paths.map { URL(filePath: $0).lastPathComponent }
    let isUnique = Set(names).count == names.count
    return try zip(paths, names).map { path, name in
      let run = try RunHistory(directory: path, name: isUnique ? name : path)
      if let line = run.unreadableLines.first {
        let more = run.unreadableLines.count == 1 ? "" : " and \(run.unreadableLines.count - 1) more"
        Console.standardError.print("catlm: \(path)/metrics.jsonl: line \(line)\(more) is no record and is left out")
      }
      return run
    }
  }
}
