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
    for record in MetricsReader(path: path, having: .validationLoss)?.records ?? [] {
      guard case .validation(let found) = record.event else { continue }
      add(Entry(chunkSize: found.chunkSize, loss: found.loss, step: record.step))
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
