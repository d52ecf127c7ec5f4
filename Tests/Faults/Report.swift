import Foundation
import JSON

/// The results of a run of the suite, as a table and as JSON.
struct Report {
  let seed: UInt64
  let results: [CheckResult]

  var failureCount: Int { results.reduce(0) { $0 + $1.failures.count } }

  /// Markdown: a row a check, the failures with the commands that repeat them below.
  var table: String {
    var lines = [
      "| row | check | fault | count | passed | failed | seconds |", "|---|---|---|---|---|---|---|",
    ]
    for result in results {
      let check = result.check
      let outcome =
        result.skipped.map { "skipped | \($0) | – |" }
        ?? "\(result.count) | \(result.passedCount) | \(result.failures.count) |"
      let seconds = String(format: "%.1f", result.seconds)
      lines.append("| \(check.row) | \(check.name) | \(check.fault) | \(outcome) \(seconds) |")
    }
    for result in results {
      for failure in result.failures {
        lines.append("FAILED \(result.check.identifier), index \(failure.index): \(failure.message)")
        lines.append("  again: \(result.repetition(index: failure.index, seed: seed))")
      }
    }
    return lines.joined(separator: "\n")
  }

  var json: JSONValue {
    let checks = results.map { result -> JSONValue in
      let failures = result.failures.map { failure -> JSONValue in
        [
          "index": .integer(failure.index), "message": .text(failure.message),
          "repeat": .text(result.repetition(index: failure.index, seed: seed)),
        ]
      }
      return [
        "row": .integer(result.check.row), "check": .text(result.check.name), "fault": .text(result.check.fault),
        "count": .integer(result.count), "passed": .integer(result.passedCount),
        "failed": .integer(result.failures.count), "skipped": result.skipped.map(JSONValue.text) ?? .null,
        "seconds": .number(result.seconds), "failures": .list(failures),
      ]
    }
    return ["seed": .integer(Int(bitPattern: UInt(seed))), "checks": .list(checks)]
  }

  func write(to path: String) throws {
    try Data((json.json(pretty: true) + "\n").utf8).write(to: URL(filePath: path))
  }
}
