internal import JSON

extension BenchmarkReport.Kind {
  /// The benchmark that prints such an object; nil if none does. A sweep is many trainings.
  init?(of object: JSONValue) {
    if object["kernels"]?.listValue != nil {
      self = .kernels
    } else if object["splits"]?.listValue != nil || object["step_seconds"] != nil {
      self = .train
    } else if object["algorithm_bytes_per_second"] != nil {
      self = .allreduce
    } else {
      return nil
    }
  }

  /// What an object of this kind measured.
  func entries(_ object: JSONValue, path: String) throws(JSONError) -> [BenchmarkReport.Entry] {
    var entries: [BenchmarkReport.Entry] = []
    for (conditions, timed) in parts(of: object) {
      guard let seconds = timed[timeKey]?.numberValue, seconds > 0 else {
        throw .invalid(
          key: "\(path): \(timeKey)", found: timed[timeKey]?.json() ?? "nothing", allowed: "a number above 0")
      }
      entries.append(BenchmarkReport.Entry(conditions: conditions, seconds: seconds))
    }
    return entries
  }

  private var timeKey: String { self == .train ? "step_seconds" : "seconds" }

  private func parts(of object: JSONValue) -> [([JSONValue.Entry], JSONValue)] {
    switch self {
    case .train:
      (object["splits"]?.listValue ?? [object]).map { (conditions($0, Self.trainingKeys), $0) }
    case .kernels:
      (object["kernels"]?.listValue ?? []).map { kernel in
        (
          conditions(kernel, ["kernel", "shape"]) + conditions(object, ["size", "chunk_size", "threads", "precision"]),
          kernel
        )
      }
    case .allreduce:
      [(conditions(object, ["bytes", "wire", "ranks"]), object)]
    }
  }

  /// Those that a file lacks are left out, so that files of before an option was added can be compared with each other;
  /// with those of today where it is known what there was before.
  private func conditions(_ object: JSONValue, _ keys: [String]) -> [JSONValue.Entry] {
    keys.compactMap { key in (object[key] ?? Self.formerValues[key]).map { .init(key: key, value: $0) } }
  }

  private static let formerValues: [String: JSONValue] = ["precision": "float32"]

  private static let trainingKeys = [
    "size", "model", "chunk_size", "context", "batch", "micro_batches", "ranks", "threads", "independent", "precision",
    "recompute", "wire", "shard_optimizer",
  ]
}
