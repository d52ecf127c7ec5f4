import Checkpoints
import FaultSupport
import Foundation
import JSON

/// What a training run left in its directory.
struct RunFolder {
  let path: String

  var store: CheckpointStore { CheckpointStore(runDirectory: path) }

  func checkpoint(_ step: Int) -> String {
    let digits = String(step)
    return path + "/checkpoints/step-" + String(repeating: "0", count: max(0, 8 - digits.count)) + digits
  }

  /// Names in the directory of checkpoints; none if it is not there.
  var names: [String] { (try? FileManager.default.contentsOfDirectory(atPath: path + "/checkpoints")) ?? [] }

  /// The newest step that has its name already.
  var newestNamedStep: Int? {
    names.compactMap { $0.hasPrefix("step-") ? Int($0.dropFirst(5)) : nil }.max()
  }

  /// Whether something is being written, put in place or removed.
  var hasWorkInProgress: Bool { names.contains { $0.hasPrefix(".") || $0.hasSuffix(".replaced") } }

  /// The newest checkpoint that verifies, which must be there; no newer one may be broken.
  func requireNewest(atLeast step: Int) throws -> Int {
    let newest = try store.newestVerified()
    try expect(newest.passedOver.isEmpty, "broken: \(newest.passedOver.map { "\($0.path): \($0.reason)" })")
    let found = try require(newest.checkpoint?.state?.step, "no checkpoint in \(path)")
    try expect(found >= step, "newest is step \(found), step \(step) was there before")
    return found
  }

  /// Digests of the files that hold weights and moments.
  func tensorDigests(_ step: Int) throws -> [String: String] {
    let files = try Manifest.verify(directory: checkpoint(step)).manifest.files
    let shards = files.filter { $0.name.hasSuffix(".safetensors") }
    return Dictionary(uniqueKeysWithValues: shards.map { ($0.name, $0.sha256) })
  }

  /// The training records, without what depends on the clock. A line that is being written is left out.
  func records() -> [JSONValue] {
    let text = String(
      decoding: FileManager.default.contents(atPath: path + "/metrics.jsonl") ?? Data(), as: UTF8.self)
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
    return lines.compactMap { try? JSONValue(json: String($0)) }.filter { $0["loss"] != nil }.map { record in
      .mapping((record.entries ?? []).filter { Self.exactKeys.contains($0.key) })
    }
  }

  /// Number of whole lines of the metrics, cheaply.
  var recordCount: Int {
    (FileManager.default.contents(atPath: path + "/metrics.jsonl") ?? Data()).count { $0 == UInt8(ascii: "\n") }
  }

  /// What a resumed run must repeat to the bit.
  private static let exactKeys: Set<String> = [
    "step", "loss", "gradient_norm", "learning_rate", "chunk_size", "tokens", "targets",
  ]

  /// Throws unless this run ended as `other` did: the same records from `first` on, the same bytes in all tensors.
  func requireSame(as other: RunFolder, from first: Int = 1, to last: Int) throws {
    let (mine, theirs) = (records(), other.records().filter { ($0["step"]?.integerValue ?? 0) >= first })
    let numbers = mine.compactMap { $0["step"]?.integerValue }
    try expect(
      numbers == Array(first...last), "steps \(numbers.first ?? 0)…\(numbers.last ?? 0), \(numbers.count) records")
    for (found, expected) in zip(mine, theirs) where found != expected {
      throw Unexpected("found \(found.json()), uninterrupted \(expected.json())")
    }
    let (left, right) = (try tensorDigests(last), try other.tensorDigests(last))
    try expect(
      !left.isEmpty && left == right, "tensors differ: \(left.filter { right[$0.key] != $0.value }.keys.sorted())")
  }
}
