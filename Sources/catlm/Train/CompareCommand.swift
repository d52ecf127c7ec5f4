import ArgumentParser
import Benchmarks
import Foundation
import JSON
import Telemetry

extension BenchmarkCommand {
  struct Compare: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Says what became slower between two results of a benchmark.",
      discussion: """
        Reads what benchmark train, kernels or allreduce printed with --json, one object or one a line, and compares \
        what was measured under the same conditions (size, precision, threads and the like); of several such the \
        fastest. Results of another kind or size are refused, those of another machine are compared with a warning. \
        The exit code is 1 if anything became slower by more than the tolerance.

        Example: catlm benchmark compare before.json after.json --tolerance 0.1
        """)

    @Argument(help: "The older result, a file.")
    var old: String

    @Argument(help: "The newer one.")
    var new: String

    @Option(help: "How much slower counts as equal: 0.05 is five percent.")
    var tolerance = 0.05

    @Flag(help: "One JSON object on standard output.")
    var json = false

    func validate() throws {
      try OptionCheck.require("--tolerance", tolerance, in: 0...100)
    }

    func run() throws {
      let (before, after) = (try BenchmarkReport(path: old), try BenchmarkReport(path: new))
      let comparison = try BenchmarkComparison(before, after)
      for line in warnings(comparison) { FileHandle.standardError.write(Data("catlm: \(line)\n".utf8)) }
      let slower = comparison.slower(tolerance: tolerance)
      try Output.print(json ? object(comparison, kind: before.kind).json() : text(comparison))
      if !slower.isEmpty { throw ExitCode(1) }
    }

    private func warnings(_ comparison: BenchmarkComparison) -> [String] {
      comparison.machineDifferences.map { "another machine: \($0)" }
        + comparison.onlyInOld.map { "only in \(old): \($0)" } + comparison.onlyInNew.map { "only in \(new): \($0)" }
    }

    private func isSlower(_ row: BenchmarkComparison.Row) -> Bool { row.ratio > 1 + tolerance }

    private func text(_ comparison: BenchmarkComparison) -> String {
      var table = TextTable(["measured", "old ms", "new ms", "new / old", ""], textColumns: 1)
      for row in comparison.rows {
        let verdict = isSlower(row) ? "slower" : row.ratio < 1 - tolerance ? "faster" : ""
        table.add([
          row.name, Format.fixed(row.oldSeconds * 1e3, digits: 4), Format.fixed(row.newSeconds * 1e3, digits: 4),
          Format.fixed(row.ratio, digits: 3), verdict,
        ])
      }
      let count = comparison.slower(tolerance: tolerance).count
      let limit = Format.fixed(100 * tolerance, digits: 1)
      return table.text + "\n\(count) of \(comparison.rows.count) slower by more than \(limit) %"
    }

    private func object(_ comparison: BenchmarkComparison, kind: BenchmarkReport.Kind) -> JSONValue {
      let rows: [JSONValue] = comparison.rows.map { row in
        [
          "name": .text(row.name), "old_seconds": .number(row.oldSeconds), "new_seconds": .number(row.newSeconds),
          "ratio": .number(row.ratio), "slower": .flag(isSlower(row)),
        ]
      }
      return [
        "kind": .text(kind.rawValue), "old": .text(old), "new": .text(new), "tolerance": .number(tolerance),
        "slower": .integer(comparison.slower(tolerance: tolerance).count), "measured": .list(rows),
        "only_in_old": .list(comparison.onlyInOld.map(JSONValue.text)),
        "only_in_new": .list(comparison.onlyInNew.map(JSONValue.text)),
        "machine_differences": .list(comparison.machineDifferences.map(JSONValue.text)),
      ]
    }
  }
}
