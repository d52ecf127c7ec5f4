import FaultSupport
import Foundation
import JSON

/// Row 4: a run goes on with another number of ranks: the same samples, the same loss within rounding.
enum OtherRankCounts {
  private static let savedStep = 20
  private static let stepCount = 100

  static let checks = [
    FaultCheck(4, "ranks", "a run of 2 ranks resumed on 1, 2, 3, 4 and 8, 100 steps, both chunk schedules") { bench in
      let cases = ["uniform", "cycle"].flatMap { schedule in [1, 2, 3, 4, 8].map { (schedule, $0) } }
      let steps = savedStep + stepCount
      let whole = References(
        bench, steps: steps, ["checkpoint.interval=\(savedStep)", "checkpoint.keep_last=100"] + Bench.blocking)
      return Attempts(caseCount: cases.count) { index, _ in
        let (schedule, ranks) = cases[index]
        let choice = ["train.chunk_schedule=\(schedule)"]
        let reference = try whole.run(ranks: 2, choice)
        let run = RunFolder(path: try bench.directory("run"))
        let resume = ["--resume", reference.checkpoint(savedStep)]
        try bench.training(run: run.path, ranks: ranks, whole.overrides + choice, more: resume).succeed()
        try requireClose(run, reference)
        try requireSameCursor(run, reference, step: steps)
      }
    }
  ]

  private static func requireClose(_ run: RunFolder, _ reference: RunFolder) throws {
    let (found, expected) = (run.records(), reference.records().dropFirst(savedStep))
    try expect(found.count == stepCount, "\(found.count) records for \(stepCount) steps")
    for (mine, theirs) in zip(found, expected) {
      for key in ["step", "chunk_size", "tokens", "targets", "learning_rate"] {
        try expect(mine[key] == theirs[key], "\(key): \(mine.json()) against \(theirs.json())")
      }
      let (loss, wanted) = (mine["loss"]?.numberValue ?? .nan, theirs["loss"]?.numberValue ?? .nan)
      try expect(abs(loss - wanted) <= 1e-5 * wanted, "loss \(loss) against \(wanted): \(mine.json())")
    }
  }

  /// The place in the data, which decides all later samples.
  private static func requireSameCursor(_ run: RunFolder, _ reference: RunFolder, step: Int) throws {
    let states = try [run, reference].map { folder in
      try JSONValue(json: String(contentsOfFile: folder.checkpoint(step) + "/trainer_state.json", encoding: .utf8))
    }
    try expect(
      states[0]["sample_cursor"] != nil && states[0]["sample_cursor"] == states[1]["sample_cursor"],
      "another place in the data")
  }
}
