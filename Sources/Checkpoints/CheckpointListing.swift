/// A directory that is named like a checkpoint; whether it verifies is another question.
package struct CheckpointListing: Hashable, Sendable {
  package let step: Int
  package let path: String
  /// Whether a newer writing of the same step was about to take this one's place.
  let isReplaced: Bool

  private static let prefix = "step-"
  static let replacedSuffix = ".replaced"

  /// Such as `step-00001000`.
  static func name(step: Int) -> String {
    let digits = String(step)
    return prefix + String(repeating: "0", count: max(0, 8 - digits.count)) + digits
  }

  /// Reads a directory's name; nil if it is not a checkpoint's.
  init?(name: String, in directory: String) {
    isReplaced = name.hasSuffix(CheckpointListing.replacedSuffix)
    let base = isReplaced ? String(name.dropLast(CheckpointListing.replacedSuffix.count)) : name
    guard base.hasPrefix(CheckpointListing.prefix), let step = Int(base.dropFirst(CheckpointListing.prefix.count)),
      step >= 0, CheckpointListing.name(step: step) == base
    else { return nil }
    self.step = step
    path = directory + "/" + name
  }
}
