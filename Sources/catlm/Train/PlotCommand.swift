import ArgumentParser
import Foundation
import Report

struct PlotCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "plot",
    abstract: "Draws the curves of runs, or quality against cost at each chunk size, as SVG.",
    discussion: """
      Of run directories: the training loss (neighbouring steps averaged) and the validation loss at each chunk size, \
      from metrics.jsonl. Of files with what `catlm evaluate --json` printed, one a model: a line a file, a point a \
      chunk size, named after the file.

      Example: catlm evaluate runs/smoke --json > adaptive.jsonl && catlm plot adaptive.jsonl --output tradeoff.svg
      """)

  @Argument(help: "Run directories, or files of results.")
  var paths: [String]

  @Option(help: "The SVG file to write.")
  var output: String

  @Option(help: "Of results, along the bottom: \(TradeOff.Quantity.names).")
  var x = TradeOff.Quantity.cacheBytes

  @Option(help: "Of results, along the side: \(TradeOff.Quantity.names).")
  var y = TradeOff.Quantity.loss

  @Option(help: "What stands above the picture.")
  var title: String?

  func run() throws {
    let runs = paths.filter(isRun)
    guard runs.isEmpty || runs.count == paths.count else {
      throw UserError("\(runs[0]): found a run beside files of results, allowed: runs alone, or files alone")
    }
    let picture = try runs.isEmpty ? tradeOff() : curves()
    try PageFile.write(picture.svg, to: output, opening: "<svg", sources: paths)
    let what = runs.isEmpty ? "model" : "run"
    try Output.print("\(output): \(paths.count == 1 ? "1 \(what)" : "\(paths.count) \(what)s")")
  }

  private func isRun(_ path: String) -> Bool {
    var isDirectory: ObjCBool = false
    return FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory) && isDirectory.boolValue
  }

  private func tradeOff() throws -> Plot {
    let results = try paths.map {
      try TradeOff(name: name(of: $0), lines: content(of: $0), source: $0)
    }
    return try TradeOff.plot(results, title: title ?? "One model, run at several chunk sizes", x: x, y: y)
  }

  private func curves() throws -> Plot {
    RunHistory.plot(try RunHistory.named(paths), title: title ?? "Loss over steps")
  }

  private func content(of path: String) throws -> String {
    guard let content = FileManager.default.contents(atPath: path) else { throw UserError("\(path): cannot be read") }
    return String(decoding: content, as: UTF8.self)
  }

  private func name(of path: String) -> String { URL(filePath: path).deletingPathExtension().lastPathComponent }
}

extension TradeOff.Quantity: ExpressibleByArgument {
  fileprivate static var names: String { allCases.map(\.rawValue).joined(separator: ", ") }
}
