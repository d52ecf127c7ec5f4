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
  init(_ now: Setting, since before: Setting) {
    let isCycle = now.value(at: "train.chunk_schedule").textValue == ChunkSchedule.Kind.cycle.rawValue
    let differences = now.differences(from: before)
    refused = differences.filter { Self.isFixed($0.key, isCycle) }
    applied = differences.filter { !Self.isFixed($0.key, isCycle) }
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

  private static let freeDataKeys = ["data.validation", "data.validation_samples", "data.tokenizer"]
  private static let fixedTrainKeys = [
    "train.seed", "train.batch_size", "train.chunk_sizes", "train.chunk_schedule", "train.chunk_weights",
  ]
}
