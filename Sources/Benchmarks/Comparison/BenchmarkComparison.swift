package import JSON

/// Two results of a benchmark side by side: what became slower, and what cannot be compared.
package struct BenchmarkComparison: Hashable, Sendable {
  package struct Row: Hashable, Sendable {
    package let name: String
    package let oldSeconds: Double
    package let newSeconds: Double

    /// Above 1 where it became slower.
    package var ratio: Double { newSeconds / oldSeconds }
  }

  package let rows: [Row]
  /// Names of what one of the two has alone.
  package let onlyInOld: [String]
  package let onlyInNew: [String]
  /// What differs between the machines, a line each.
  package let machineDifferences: [String]

  /// Entries whose conditions are equal are compared; of several such in a file the fastest.
  ///
  /// - Throws: if the two are of different kinds or have nothing in common.
  package init(_ old: BenchmarkReport, _ new: BenchmarkReport) throws(JSONError) {
    guard old.kind == new.kind else {
      throw .invalid(
        key: new.path, found: "benchmark \(new.kind.rawValue)", allowed: "\(old.kind.rawValue), as in \(old.path)")
    }
    let (before, after) = (Self.fastest(old), Self.fastest(new))
    let newSeconds = Dictionary(after.map { ($0.conditions, $0.seconds) }) { first, _ in first }
    rows = before.compactMap { entry in
      newSeconds[entry.conditions].map { Row(name: entry.name, oldSeconds: entry.seconds, newSeconds: $0) }
    }
    if rows.isEmpty { throw Self.mismatch(old, new) }
    let oldConditions = Set(before.map(\.conditions))
    onlyInOld = before.filter { newSeconds[$0.conditions] == nil }.map(\.name)
    onlyInNew = after.filter { !oldConditions.contains($0.conditions) }.map(\.name)
    machineDifferences = Self.machineDifferences(old, new)
  }

  /// What takes more than `1 + tolerance` times as long as before.
  package func slower(tolerance: Double) -> [Row] {
    rows.filter { $0.ratio > 1 + tolerance }
  }

  /// Entries in their order, each once.
  private static func fastest(_ report: BenchmarkReport) -> [BenchmarkReport.Entry] {
    let groups = Dictionary(grouping: report.entries, by: \.conditions)
    var seen: Set<[JSONValue.Entry]> = []
    return report.entries.filter { seen.insert($0.conditions).inserted }.compactMap { entry in
      groups[entry.conditions]?.min { $0.seconds < $1.seconds }
    }
  }

  /// Names the first condition in which the first entries differ.
  private static func mismatch(_ old: BenchmarkReport, _ new: BenchmarkReport) -> JSONError {
    guard let first = old.entries.first, let second = new.entries.first else {
      let empty = old.entries.isEmpty ? old.path : new.path
      return .invalid(key: empty, found: "no measurement", allowed: "at least one")
    }
    func value(_ key: String, _ entry: BenchmarkReport.Entry) -> JSONValue? {
      entry.conditions.first { $0.key == key }?.value
    }
    let keys = (first.conditions + second.conditions).map(\.key)
    let key = keys.first { value($0, first) != value($0, second) } ?? "conditions"
    return .invalid(
      key: "\(new.path): \(key)", found: value(key, second)?.json() ?? "nothing",
      allowed: "\(value(key, first)?.json() ?? "nothing"), as in \(old.path)")
  }

  private static func machineDifferences(_ old: BenchmarkReport, _ new: BenchmarkReport) -> [String] {
    old.machine.compactMap { entry in
      guard let other = new.machine.first(where: { $0.key == entry.key }), other.value != entry.value else {
        return nil
      }
      return "\(entry.key): \(entry.value.json()) in \(old.path), \(other.value.json()) in \(new.path)"
    }
  }
}
