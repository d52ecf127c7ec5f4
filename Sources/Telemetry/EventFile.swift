internal import Foundation
package import JSON

/// A run's records as TensorBoard reads them: scalars for numbers, texts for samples, in one event file a run.
///
/// Tags are `training/<key>`, of the loss `training/loss/C<chunk size>` as well, `validation/<key>/C<chunk size>` and
/// `sample/C<chunk size>`; without `/C…` for a model without chunk sizes. Values are in single precision, as TensorBoard's
/// scalars are.
///
/// - Source: TensorFlow's `event.proto`, `summary.proto`, `tensor.proto`; the framing of its record writer.
package final class EventFile: MetricsSink {
  package let path: String

  private let descriptor: Int32
  /// Where the whole records end, if a part of one that could not be written follows them.
  private var tornEnd: off_t?

  private static let prefix = "events.out.tfevents."

  /// Opens the directory's event file for records at its end; makes one if there is none.
  package init(directory: String) throws(TelemetryError) {
    if let known = Self.path(in: directory) {
      path = known
    } else {
      var host = [CChar](repeating: 0, count: 256)
      let code = gethostname(&host, host.count - 1)
      let name = code == 0 ? String(decoding: host.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self) : ""
      path = "\(directory)/\(Self.prefix)\(Int(Date.now.timeIntervalSince1970)).\(name.isEmpty ? "localhost" : name)"
    }
    descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw TelemetryError(operation: "open", path: path, code: errno) }
    guard lseek(descriptor, 0, SEEK_END) == 0 else { return }
    try write([EventRecord(versionAt: Date.now.timeIntervalSince1970)])
  }

  deinit {
    if descriptor >= 0 { close(descriptor) }
  }

  /// The event file of a directory; nil if it has none.
  static func path(in directory: String) -> String? {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []
    return names.filter { $0.hasPrefix(prefix) }.max().map { directory + "/" + $0 }
  }

  /// Adds what a line of `metrics.jsonl` says; nothing, not a part of it, if that fails.
  package func append(_ record: JSONValue) throws(TelemetryError) {
    try write(EventRecord.records(of: record))
  }

  private func write(_ records: [EventRecord]) throws(TelemetryError) {
    try cutTornRecord()
    let end = lseek(descriptor, 0, SEEK_END)
    let code = writeAll(records.flatMap(\.framed), to: descriptor)
    guard code != 0 else { return }
    if end >= 0, lseek(descriptor, 0, SEEK_END) > end { tornEnd = end }
    try? cutTornRecord()  // the write's own error is what counts; the next record tries again
    throw TelemetryError(operation: "write", path: path, code: code)
  }

  private func cutTornRecord() throws(TelemetryError) {
    guard let tornEnd else { return }
    guard ftruncate(descriptor, tornEnd) == 0 else { throw TelemetryError(operation: "cut", path: path, code: errno) }
    self.tornEnd = nil
  }

  /// Takes records of later steps out of a directory's event file, and what follows a record that is not whole.
  package static func cut(in directory: String, toStep step: Int) throws(TelemetryError) {
    guard let path = path(in: directory) else { return }
    guard let content = try? Data(contentsOf: URL(filePath: path), options: .alwaysMapped) else {
      throw TelemetryError(operation: "read", path: path, code: errno)
    }
    var end = 0
    while let record = EventRecord(framedIn: content, at: end), record.step <= step { end += record.framedCount }
    guard end < content.count else { return }
    guard truncate(path, off_t(end)) == 0 else { throw TelemetryError(operation: "cut", path: path, code: errno) }
  }
}
