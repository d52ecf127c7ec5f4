import ArgumentParser
import Foundation
import Report

struct PlotCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "plot",
    abstract: "Draws quality against cost at each chunk size, from results of evaluate.",
    discussion: """
      Each file holds what `catlm evaluate --json` printed for one model and becomes a line of the picture, named after \
      the file.

      Example: catlm evaluate runs/smoke --json > adaptive.jsonl && catlm plot adaptive.jsonl --output tradeoff.svg
      """)

  @Argument(help: "Files of results.")
  var files: [String]

  @Option(help: "The SVG file to write.")
  var output: String

  @Option(help: "Along the bottom: \(TradeOff.Quantity.names).")
  var x = TradeOff.Quantity.cacheBytes

  @Option(help: "Along the side: \(TradeOff.Quantity.names).")
  var y = TradeOff.Quantity.loss

  @Option(help: "What stands above the picture.")
  var title = "One model, run at several chunk sizes"

  func run() throws {
    let results = try files.map { file in
      guard let content = FileManager.default.contents(atPath: file) else {
        throw UserError("\(file): cannot be read")
      }
      let name = URL(filePath: file).deletingPathExtension().lastPathComponent
      return try TradeOff(name: name, lines: String(decoding: content, as: UTF8.self), source: file)
    }
    let picture = try TradeOff.plot(results, title: title, x: x, y: y).svg
    do {
      try Data(picture.utf8).write(to: URL(filePath: output), options: .atomic)
    } catch {
      throw UserError("\(output): cannot be written: \(error.localizedDescription)")
    }
    try Output.print("\(output): \(results.count == 1 ? "1 model" : "\(results.count) models")")
  }
}

extension TradeOff.Quantity: ExpressibleByArgument {
  fileprivate static var names: String { allCases.map(\.rawValue).joined(separator: ", ") }
}
