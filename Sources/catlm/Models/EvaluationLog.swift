import Foundation
import JSON
import Report
import Telemetry

/// What evaluations of a run's checkpoints found, kept in its directory for reports: a JSON object a line.
struct EvaluationLog {
  /// Nil for a checkpoint that lies in no run.
  private let path: String?

  /// - Parameter checkpoint: a checkpoint's directory.
  init(besideCheckpoint checkpoint: String) {
    let folder = URL(filePath: checkpoint).deletingLastPathComponent()
    let run = folder.deletingLastPathComponent()
    let isRun =
      folder.lastPathComponent == "checkpoints"
      && FileManager.default.fileExists(atPath: run.appending(path: "metrics.jsonl").path)
    path = isRun ? run.appending(path: RunHistory.evaluationsFile).path : nil
  }

  /// Adds a line. Where that fails it says so, for the result is printed all the same.
  func append(_ record: JSONValue) {
    guard let path else { return }
    let now = (Date.now.timeIntervalSince1970 * 1e3).rounded() / 1e3
    let time = JSONValue.Entry(key: MetricsKey.time.rawValue, value: .number(now))
    do {
      try JSONLinesFile(path: path).append(.mapping((record.entries ?? []) + [time]))
    } catch {
      Console.standardError.print("catlm: \(path): cannot be written, reports will lack this result: \(error.reason)")
    }
  }
}
