internal import Foundation

/// A run's records as TensorBoard reads them: scalars for numbers, texts for samples, histograms, in one event file a run.
///
/// Tags are `training/<key>`, of the loss `training/loss/C<chunk size>` as well, `validation/<key>/C<chunk size>`,
/// `sample/C<chunk size>`, `checkpoint/<key>`, `stall/<what for>` and `end/elapsed_seconds`; without `/C…` for a model without
/// chunk sizes. Histograms have their own names. Values are in single precision, as TensorBoard's scalars are.
///
/// - Source: TensorFlow's `event.proto`, `summary.proto`, `tensor.proto`; the framing of its record writer.
package final class EventFile: RecordSink {
  private let file: AppendOnlyFile

  private static let prefix = "events.out.tfevents."

  /// Opens the directory's event file for records at its end; makes one if there is none.
  package init(directory: String) throws(TelemetryError) {
    file = try AppendOnlyFile(path: Self.path(in: directory) ?? Self.newPath(in: directory))
    if file.isEmpty { try file.append(EventRecord(versionAt: Date.now.timeIntervalSince1970).framed) }
  }

  package var path: String { file.path }

  private static func newPath(in directory: String) -> String {
    var host = [CChar](repeating: 0, count: 256)
    let code = gethostname(&host, host.count - 1)
    let name = code == 0 ? String(decoding: host.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self) : ""
    return "\(directory)/\(prefix)\(Int(Date.now.timeIntervalSince1970)).\(name.isEmpty ? "localhost" : name)"
  }

  /// The event file of a directory; nil if it has none.
  static func path(in directory: String) -> String? {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []
    return names.filter { $0.hasPrefix(prefix) && !$0.hasSuffix(".new") }.max().map { directory + "/" + $0 }
  }

  /// Adds what a record says, as one event; nothing, not a part of it, if that fails.
  package func append(_ record: RunRecord) throws(TelemetryError) {
    guard let event = EventRecord(record) else { return }
    try file.append(event.framed)
  }

  /// Takes records of later steps out of a directory's event file, and what follows a record that is not whole.
  package static func cut(in directory: String, toStep step: Int) throws(TelemetryError) {
    guard let path = path(in: directory) else { return }
    guard let content = try? Data(contentsOf: URL(filePath: path), options: .alwaysMapped) else {
      throw TelemetryError(operation: "read", path: path, code: errno)
    }
    var (kept, place) = ([Range<Int>](), 0)
    while let record = EventRecord(framedIn: content, at: place) {
      defer { place += record.framedCount }
      guard record.step <= step else { continue }
      let range = place..<place + record.framedCount
      if let last = kept.last, last.upperBound == place {
        kept[kept.count - 1] = last.lowerBound..<range.upperBound
      } else {
        kept.append(range)
      }
    }
    guard kept != [0..<content.count] else { return }
    try AppendOnlyFile.keep(kept, of: content, at: path)
  }
}
