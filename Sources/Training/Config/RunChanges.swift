internal import JSON

/// What a configuration changes in a run that goes on from a checkpoint.
struct RunChanges {
  /// Keys that decide what is computed from which data: with another value it would be another run.
  let refused: [JSONDifference]
  /// All others: the new value holds.
  let applied: [JSONDifference]

  /// - Parameters:
  ///   - now: a resolved configuration; `first` of each difference is from it.
  ///   - before: the resolved configuration of the checkpoint's run.
  ///   - knowsData: whether the data is compared by content, so that its paths may change.
  init(_ now: JSONValue, since before: JSONValue, knowsData: Bool = false) {
    let isCycle = now.value(at: "train.chunk_schedule").textValue == ChunkSchedule.Kind.cycle.rawValue
    let differences = now.differences(from: before)
    let isFixed = { Self.isFixed($0.key, isCycle) && !(knowsData && Self.isOfPaths($0)) }
    refused = differences.filter(isFixed)
    applied = differences.filter { !isFixed($0) }
  }

  /// What makes another run of a finished one: all that is applied but where the run runs and where its data is.
  var ofResults: [JSONDifference] {
    applied.filter { !Self.isOfPaths($0) && !$0.key.hasPrefix("parallel.") }
  }

  /// Whether values differ in nothing but where the data is.
  private static func isOfPaths(_ difference: JSONDifference) -> Bool {
    if difference.key == dataPathsKey { return true }
    guard difference.key == sourcesKey else { return false }
    return withoutPaths(difference.first).differences(from: withoutPaths(difference.second)).isEmpty
  }

  private static func withoutPaths(_ sources: JSONValue) -> JSONValue {
    .list((sources.listValue ?? []).map { source in .mapping((source.entries ?? []).filter { $0.key != "path" }) })
  }

  private static func isFixed(_ key: String, _ isCycle: Bool) -> Bool {
    let section = key.prefix { $0 != "." }
    switch section {
    case "model": return true
    // What is not known to be harmless is part of the data.
    case "data": return !freeDataKeys.contains(key)
    // How many micro-batches there are matters only where each has a chunk size of its own.
    case "train": return fixedTrainKeys.contains(key) || (isCycle && key == "train.accumulation")
    default: return false
    }
  }

  private static let dataPathsKey = "data.train"
  private static let sourcesKey = "data.sources"
  private static let freeDataKeys = ["data.validation", "data.validation_samples", "data.tokenizer"]
  private static let fixedTrainKeys = [
    "train.seed", "train.batch_size", "train.chunk_sizes", "train.chunk_schedule", "train.chunk_weights",
  ]
}
