import ArgumentParser
import Foundation
import JSON
import Report
import Telemetry

struct CompareRunsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "compare",
    abstract: "Compares runs: losses at each chunk size, speed, and the settings that differ.",
    discussion: """
      The last and the lowest validation loss at each chunk size, the middle one of the steps' tokens a second, and every \
      key of the configurations that the runs do not agree on.

      Example: catlm compare runs/smoke runs/other
      """)

  @Argument(help: "Run directories.")
  var runs: [String]

  @Flag(help: "One JSON object on standard output.")
  var json = false

  func run() throws {
    let comparison = RunComparison(try RunHistory.named(runs))
    try Output.print(json ? object(comparison).json(pretty: false) : text(comparison))
  }

  private func text(_ comparison: RunComparison) -> String {
    let sizes = comparison.chunkSizes
    var table = TextTable(
      ["run", "steps", "tokens", "tokens/s", "training"]
        + sizes.flatMap { [$0.map { "C=\($0)" } ?? "loss", "best", "at"] }, textColumns: 1)
    for row in comparison.rows {
      let losses = sizes.flatMap { size -> [String] in
        guard let found = row.losses.first(where: { $0.chunkSize == size }) else { return ["–", "–", "–"] }
        return [Format.fixed(found.last, digits: 4), Format.fixed(found.best, digits: 4), "\(found.bestStep)"]
      }
      table.add(
        [
          row.name, "\(row.step)", row.tokens.map { Format.count($0) } ?? "–",
          row.tokensPerSecond.map { Format.count($0) } ?? "–",
          row.trainingLoss.map { Format.fixed($0, digits: 4) } ?? "–",
        ] + losses)
    }
    guard comparison.rows.count > 1 else { return table.text }
    guard !comparison.differences.isEmpty else { return table.text + "\n\nconfigurations: no difference" }
    var keys = TextTable(["key"] + comparison.rows.map(\.name), textColumns: 1 + comparison.rows.count)
    for difference in comparison.differences { keys.add([difference.key] + difference.values.map(\.shortText)) }
    return table.text + "\n\n" + keys.text
  }

  private func object(_ comparison: RunComparison) -> JSONValue {
    let rows: [JSONValue] = comparison.rows.map { row in
      let losses: [JSONValue] = row.losses.map { loss in
        [
          "chunk_size": loss.chunkSize.map(JSONValue.integer) ?? .null, "last": .number(loss.last),
          "best": .number(loss.best), "best_step": .integer(loss.bestStep),
        ]
      }
      return [
        "name": .text(row.name), "step": .integer(row.step), "tokens": row.tokens.map(JSONValue.integer) ?? .null,
        "tokens_per_second": row.tokensPerSecond.map(JSONValue.number) ?? .null,
        "training_loss": row.trainingLoss.map(JSONValue.number) ?? .null, "validation_losses": .list(losses),
      ]
    }
    let differences: [JSONValue] = comparison.differences.map {
      ["key": .text($0.key), "values": .list($0.values)]
    }
    return ["runs": .list(rows), "differences": .list(differences)]
  }
}
