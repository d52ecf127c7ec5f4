import JSON

/// What came of one check.
struct CheckResult {
  struct Failure {
    let index: Int
    let message: String
  }

  let check: FaultCheck
  var passedCount = 0
  var failures: [Failure] = []
  /// Why it was not made.
  var skipped: String?
  var seconds = 0.0

  init(_ check: FaultCheck) {
    self.check = check
  }

  var count: Int { passedCount + failures.count }

  /// The command that makes one attempt again.
  func repetition(index: Int, seed: UInt64) -> String {
    "launch/faults --rows \(check.identifier) --seed \(seed) --index \(index)"
  }

  /// As the child process hands it to its parent.
  var json: JSONValue {
    [
      "passed": .integer(passedCount), "seconds": .number(seconds), "skipped": skipped.map(JSONValue.text) ?? .null,
      "failures": .list(
        failures.map { ["index": .integer($0.index), "message": .text($0.message)] }),
    ]
  }

  /// Reads what a child process wrote.
  mutating func read(_ value: JSONValue) {
    passedCount = value["passed"]?.integerValue ?? 0
    seconds = value["seconds"]?.numberValue ?? 0
    skipped = value["skipped"]?.textValue
    failures = (value["failures"]?.listValue ?? []).map {
      Failure(index: $0["index"]?.integerValue ?? 0, message: $0["message"]?.textValue ?? "")
    }
  }
}
