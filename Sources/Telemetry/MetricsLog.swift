package import Logging

/// A file that takes a run's records, one after the other.
package protocol RecordSink: AnyObject {
  var path: String { get }
  /// Adds one record; nothing, not a part of it, if that fails.
  func append(_ record: RunRecord) throws(TelemetryError)
}

/// A file of a run's metrics as the run sees it: a record that cannot be written holds nothing up. It is kept and tried again
/// with the next one, so that lines go on, in order, when the disk has room again.
package final class MetricsLog {
  package let path: String

  private let file: any RecordSink
  private let logger: Logger
  private let capacity: Int
  /// Lines that are not written yet, oldest first.
  private var waiting: [RunRecord] = []
  /// Lines that were given up, since too many wait.
  private var lostCount = 0
  /// Why lines wait; nil while all are written.
  private var failure: TelemetryError?

  /// - Parameters:
  ///   - file: nothing else writes to it.
  ///   - capacity: the most lines that wait; beyond it the oldest are given up.
  package init(_ file: any RecordSink, logger: Logger, capacity: Int = 10_000) {
    precondition(capacity > 0, "metrics: \(capacity) lines may wait")
    path = file.path
    self.file = file
    self.logger = logger
    self.capacity = capacity
  }

  /// Adds one line, now or as soon as that is possible.
  package func append(_ record: RunRecord) {
    waiting.append(record)
    writeWaiting()
    guard waiting.count > capacity else { return }
    waiting.removeFirst()
    lostCount += 1
  }

  /// Tries once more to write the lines that wait; those that then still wait are lost, which is said.
  package func finish() {
    writeWaiting()
    guard let failure else { return }
    logger.error(
      "lines of metrics are lost", metadata: ["lines": "\(lostCount + waiting.count)", "reason": "\(failure)"])
    waiting = []
    self.failure = nil
  }

  private func writeWaiting() {
    var writtenCount = 0
    defer { waiting.removeFirst(writtenCount) }
    for record in waiting {
      do {
        try file.append(record)
      } catch {
        return note(error)
      }
      writtenCount += 1
    }
    guard failure != nil else { return }
    failure = nil
    logger.notice("metrics are written again", metadata: ["lines": "\(writtenCount)", "lost": "\(lostCount)"])
  }

  private func note(_ error: TelemetryError) {
    defer { failure = error }
    guard failure == nil else { return }
    logger.warning(
      "metrics cannot be written; training goes on, and lines wait until they can", metadata: ["reason": "\(error)"])
  }
}
