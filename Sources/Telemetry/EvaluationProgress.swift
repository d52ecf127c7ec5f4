/// How far an evaluation at several chunk sizes is.
struct EvaluationProgress: ProgressReport, Hashable, Sendable {
  /// What it is part of, such as `validation`.
  let label: String
  /// Tokens a chunk now; nil for a model without chunks.
  var chunkSize: Int?
  /// Batches that are done, of all chunk sizes.
  var batchCount = 0
  /// Batches of all chunk sizes.
  let totalCount: Int
  var tokenCount = 0

  var doneCount: Int { batchCount }

  /// Such as `validation  batch 12/220  chunk 4  12.3k tokens/s  left 0:00:10`.
  func line(tokenRate: Double?, unitRate: Double?) -> String {
    var fields = [label, "batch \(batchCount)/\(totalCount)"]
    if let chunkSize { fields.append("chunk \(chunkSize)") }
    fields += rateFields(tokenRate: tokenRate, unitRate: unitRate)
    return fields.joined(separator: "  ")
  }
}

/// Shows how an evaluation goes while it is under way: nothing where it is quick, and nothing of it stays on a terminal.
package final class EvaluationProgressLine {
  private let line: ProgressLine
  private var progress: EvaluationProgress

  /// - Parameters:
  ///   - label: what the line begins with.
  ///   - batchCount: batches of all chunk sizes together.
  package init(
    _ label: String, batchCount: Int, console: Console = .standardError, interval: Duration = .seconds(10)
  ) {
    line = ProgressLine(console: console, interval: interval, showsEnds: false)
    progress = EvaluationProgress(label: label, totalCount: batchCount)
    line.update(progress)
  }

  /// Takes note of a batch that is done.
  ///
  /// - Parameters:
  ///   - tokenCount: its tokens.
  ///   - chunkSize: what it ran at; nil for a model without chunks.
  package func advance(tokenCount: Int, chunkSize: Int?, at time: ContinuousClock.Instant = .now) {
    progress.batchCount += 1
    progress.tokenCount += tokenCount
    progress.chunkSize = chunkSize
    line.update(progress, at: time)
  }

  package func finish() {
    line.clear()
  }
}
