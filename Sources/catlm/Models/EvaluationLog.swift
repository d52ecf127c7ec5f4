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
    var line = record
    let now = (Date.now.timeIntervalSince1970 * 1e3).rounded() / 1e3
    if case .mapping(let entries) = record {
      line = .mapping(entries + [JSONValue.Entry(key: MetricsKey.time.rawValue, value: .number(now))])
    }
    let bytes = Array((line.json(pretty: false) + "\n").utf8)
    let file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o666)
    let count = unsafe file < 0 ? -1 : write(file, bytes, bytes.count)
    let reason = String(cString: strerror(errno))
    if file >= 0 { close(file) }
    if count != bytes.count {
      Console.standardError.print("catlm: \(path): cannot be written, reports will lack this result: \(reason)")
    }
  }
}
