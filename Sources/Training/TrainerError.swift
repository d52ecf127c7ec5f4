package import JSON

/// Why a run cannot begin or go on.
package enum TrainerError: Error, CustomStringConvertible {
  /// A checkpoint and a configuration that do not go together.
  case incompatible(checkpoint: String, key: String, found: String, expected: String)
  /// Too many steps in a row without a finite loss.
  case notFinite(step: Int, count: Int)
  /// Weights to begin with that are another model's; with each field that differs.
  case otherModel(path: String, differences: [String])
  /// A checkpoint that lacks what resuming needs.
  case notResumable(checkpoint: String, missing: String)
  /// A run directory has a checkpoint that the start would leave behind as the newest.
  case occupied(_ checkpoint: String)
  /// A run directory whose checkpoints are all damaged, each with what is wrong with it.
  case noneIntact(_ directory: String, reasons: [String])
  /// A run that is done, given again with settings that it was not made with.
  case finished(checkpoint: String, steps: Int, changes: [JSONDifference])
  /// Ranks that should be alike are not, found before this step.
  case disagreement(step: Int, differences: [Agreement.Difference])

  package var description: String {
    switch self {
    case .disagreement(let step, let differences):
      "before step \(step + 1): \(differences.map(\.description).joined(separator: "; "))"
    case .incompatible(let checkpoint, let key, let found, let expected):
      "\(checkpoint) cannot be continued: \(key) is \(found), the checkpoint was made with \(expected)"
    case .otherModel(let path, let differences):
      "train.initial_weights: \(path) is not the section model: \(differences.joined(separator: "; ")); "
        + "the section that fits is printed by: catlm checkpoint inspect \(path) --model-section"
    case .notFinite(let step, let count):
      "step \(step): \(count) steps in a row without a finite loss and gradient norm (train.nonfinite_limit)"
    case .notResumable(let checkpoint, let missing):
      "\(checkpoint) has no \(missing): it holds a model, not a run; train.initial_weights begins a run with one"
    case .occupied(let checkpoint):
      "\(checkpoint) is there and would be newer than this start: give another run directory (--run) or --resume auto"
    case .noneIntact(let directory, let reasons):
      "\(directory): \(reasons.count == 1 ? "the only checkpoint is" : "all \(reasons.count) checkpoints are") damaged: "
        + reasons.joined(separator: "; ") + "; to begin anew beside them: --resume none --run NEW"
    case .finished(let checkpoint, let steps, let changes):
      "\(checkpoint): the run is "
        + (changes.contains { $0.key == "train.steps" && $0.second.integerValue ?? 0 > steps }
          ? "at step \(steps), beyond train.steps," : "finished (\(steps) steps)")
        + " and was made with other settings: "
        + changes.map { "\($0.key) is \($0.first.json()), was \($0.second.json())" }.joined(separator: ", ")
        + "; --run NEW begins a run with these, train.steps above \(steps) goes on with this one"
    }
  }

  /// Whether all ranks fail with it together, and need not all say so.
  package var isOnAllRanks: Bool {
    switch self {
    case .disagreement, .notFinite: true
    default: false
    }
  }

  /// Whether the user can mend it by another command: exit code 2 rather than 1.
  package var isUserError: Bool {
    switch self {
    case .notFinite, .disagreement: false
    default: true
    }
  }
}
