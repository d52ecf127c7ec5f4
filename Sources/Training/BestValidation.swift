internal import Foundation
internal import JSON
internal import Telemetry

/// The lowest validation loss of a run at each chunk size.
struct BestValidation: Hashable, Sendable {
  struct Entry: Hashable, Sendable {
    /// Nil for a model without chunk sizes.
    let chunkSize: Int?
    let loss: Double
    let step: Int
  }

  /// In the order of the chunk sizes.
  private(set) var entries: [Entry] = []

  init() {}

  /// - Parameter path: a `metrics.jsonl`; what it holds of validation counts. One that cannot be read holds nothing.
  init(metricsAt path: String) {
    let content = FileManager.default.contents(atPath: path) ?? Data()
    let mark = Data("\"\(MetricsKey.validationLoss.rawValue)\"".utf8)
    for line in content.split(separator: UInt8(ascii: "\n")) where line.range(of: mark) != nil {
      guard let record = try? JSONValue(json: String(decoding: line, as: UTF8.self)),
        let step = record[MetricsKey.step.rawValue]?.integerValue,
        let loss = record[MetricsKey.validationLoss.rawValue]?.numberValue
      else { continue }
      add(Entry(chunkSize: record[MetricsKey.chunkSize.rawValue]?.integerValue, loss: loss, step: step))
    }
  }

  mutating func add(_ entry: Entry) {
    guard entry.loss.isFinite else { return }
    if let index = entries.firstIndex(where: { $0.chunkSize == entry.chunkSize }) {
      if entry.loss < entries[index].loss { entries[index] = entry }
    } else {
      entries.append(entry)
      entries.sort { ($0.chunkSize ?? 0) < ($1.chunkSize ?? 0) }
    }
  }
}
