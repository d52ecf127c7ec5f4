internal import Settings

/// What a configuration changes in a run that goes on from a checkpoint.
struct RunChanges {
  /// Keys that decide what is computed from which data: with another value it would be another run.
  let refused: [SettingDifference]
  /// All others: the new value holds.
  let applied: [SettingDifference]

  /// - Parameters:
  ///   - now: a resolved configuration; `first` of each difference is from it.
  ///   - before: the resolved configuration of the checkpoint's run.
  ///   - knowsData: whether the data is compared by content, so that its paths may change.
  init(_ now: Setting, since before: Setting, knowsData: Bool = false) {
    let isCycle = now.value(at: "train.chunk_schedule").textValue == ChunkSchedule.Kind.cycle.rawValue
    let differences = now.differences(from: before)
    let isFixed = { Self.isFixed($0, isCycle) && !(knowsData && $0 == Self.dataPathsKey) }
    refused = differences.filter { isFixed($0.key) }
    applied = differences.filter { !isFixed($0.key) }
  }

  /// What makes another run of a finished one: all that is applied but where the run runs and where its data is.
  var ofResults: [SettingDifference] {
    applied.filter { $0.key != Self.dataPathsKey && !$0.key.hasPrefix("parallel.") }
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
  private static let freeDataKeys = ["data.validation", "data.validation_samples", "data.tokenizer"]
  private static let fixedTrainKeys = [
    "train.seed", "train.batch_size", "train.chunk_sizes", "train.chunk_schedule", "train.chunk_weights",
  ]
}
