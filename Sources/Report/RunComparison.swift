package import JSON
internal import Telemetry

/// What tells runs apart: their losses at each chunk size, their speed, and the settings in which they differ.
package struct RunComparison: Sendable {
  /// One run in numbers.
  package struct Row: Sendable {
    package let name: String
    /// Steps that are done.
    package let step: Int
    /// Tokens trained on.
    package let tokens: Int?
    /// The middle one of its steps.
    package let tokensPerSecond: Double?
    /// Validation losses by chunk size, nil for a model without: the last one and the lowest, with its step.
    package let losses: [(chunkSize: Int?, last: Double, best: Double, bestStep: Int)]
    /// Mean training loss of the last tenth of the recorded steps.
    package let trainingLoss: Double?
  }

  /// A key with the value that each run has; null where it has none.
  package struct Difference: Sendable {
    package let key: String
    package let values: [JSONValue]
  }

  package let rows: [Row]
  /// Keys of the run files that not all runs agree on, where a run says nothing of how it looks or where it is.
  package let differences: [Difference]

  package init(_ runs: [RunHistory]) {
    rows = runs.map(\.row)
    let known = runs.filter { $0.configuration != .null }
    var keys: [String] = []
    for run in known.dropFirst() {
      let found = known[0].configuration.differences(from: run.configuration).map(\.key)
      keys += found.filter { !keys.contains($0) }
    }
    // A section that one run lacks comes whole, in place of its keys.
    let shortest = keys.filter { key in !keys.contains { key.hasPrefix($0 + ".") } }
    differences = shortest.map { key in
      Difference(key: key, values: runs.map { $0.configuration.value(at: key) })
    }
  }

  /// Chunk sizes that any run was validated at; nil stands for a model without.
  package var chunkSizes: [Int?] {
    Set(rows.flatMap { $0.losses.map(\.chunkSize) }).sorted { ($0 ?? 0) < ($1 ?? 0) }
  }
}

extension RunHistory {
  fileprivate var row: RunComparison.Row {
    let rates = steps.compactMap(\.tokensPerSecond).sorted()
    let losses = steps.compactMap(\.loss)
    let late = losses.suffix(max(1, losses.count / 10))
    let measured = validations.isEmpty ? [] : chunkSizes
    return RunComparison.Row(
      name: name, step: max(steps.last?.step ?? 0, validations.last?.step ?? 0),
      tokens: steps.last?.record.tokenCount,
      tokensPerSecond: rates.isEmpty ? nil : rates[rates.count / 2],
      losses: measured.compactMap { size in
        let found = validations.filter { $0.chunkSize == size }
        guard let last = found.last, let best = found.min(by: { $0.loss < $1.loss }) else { return nil }
        return (size, last.loss, best.loss, best.step)
      },
      trainingLoss: late.isEmpty ? nil : late.reduce(0, +) / Double(late.count))
  }
}

extension JSONValue {
  /// A value in a cell of a table.
  package var shortText: String {
    switch self {
    case .null: "–"
    case .text(let text): text
    default: json(pretty: false)
    }
  }
}
