import Checkpoints
import FaultSupport
import Foundation

/// Row 7, in this process and under strace: a call of the disk's fails at any one place.
enum FailingDisk {
  private static let codes = [ENOSPC, EIO, EACCES, EROFS]

  static let checks = [
    FaultCheck(7, "injected", "ENOSPC, EIO, EACCES, EROFS injected at the Nth change of the disk, for every N") {
      bench in
      let cases = try SaveScenario.allCases.flatMap { scenario in
        (0..<(try scenario.changeCount())).flatMap { limit in codes.map { (scenario, limit, $0) } }
      }
      return Attempts(caseCount: cases.count) { index, _ in
        let (scenario, limit, code) = cases[index]
        let run = try bench.directory("run")
        try scenario.prepare(run)
        try requireOneLine(run, code) { try scenario.perform(run, DiskLog().disk(failingAfter: limit, code: code)) }
        try SaveOutcome(scenario: scenario, run: run).check("errno \(code) at change \(limit)")
      }
    },
    FaultCheck(
      7, "calls", "the Nth write, fsync, rename, mkdir, open or unlink of a real run fails (strace)", fullCount: 600
    ) {
      bench in
      guard FileManager.default.isExecutableFile(atPath: "/usr/bin/strace") else { throw NotPossible("needs strace") }
      let reference = try uninterrupted(bench)
      return Attempts { index, random in try failCall(bench, reference, index, &random) }
    },
  ]

  private static func requireOneLine(_ run: String, _ code: Int32, _ body: () throws -> Void) throws {
    do {
      try body()
    } catch let error as CheckpointError {
      let text = error.description
      try expect(
        text.hasPrefix(run) && !text.contains("\n") && text.contains(String(cString: strerror(code))),
        "not a clear line: \(text)")
      return
    }
    throw Unexpected("no error though a change failed")
  }

  static let overrides = ["train.steps=12", "checkpoint.interval=2", "checkpoint.keep_last=2"]

  static func uninterrupted(_ bench: Bench) throws -> RunFolder {
    let folder = RunFolder(path: try bench.directory("whole"))
    try bench.training(run: folder.path, overrides).succeed()
    return folder
  }

  /// One system call of the whole program fails; the run ends or goes on, the checkpoints stay, and a second start
  /// ends as if nothing had been.
  private static func failCall(
    _ bench: Bench, _ reference: RunFolder, _ index: Int, _ random: inout TestRandom
  ) throws {
    let calls = [("fsync", 150), ("write", 400), ("rename", 30), ("mkdir", 14), ("openat", 220), ("unlink", 40)]
    let (call, range) = calls[index % calls.count]
    let errors = ["ENOSPC", "EIO", "EACCES", "EROFS"]
    let run = RunFolder(path: try bench.directory("run"))
    let modes = Bench.checkpointModes
    let choice = overrides + modes[index % modes.count]
    var (what, outcome) = ("", Outcome(code: 127, output: "", errors: ""))
    // A call that fails before the program's own first one keeps it from being loaded, and another is drawn.
    while outcome.code == 127 {
      let error = errors.randomElement(using: &random) ?? "EIO"
      let place = Int.random(in: 1...range, using: &random)
      let options = [
        "-f", "-o", "/dev/null", "-e", "trace=\(call)", "-e", "inject=\(call):error=\(error):when=\(place)",
      ]
      what = "\(call) number \(place) fails with \(error)"
      outcome = try bench.training(run: run.path, choice).under("strace", options).run()
    }
    try expect([0, 1, 2].contains(outcome.code), "\(what): ended with \(outcome.code): \(outcome.brief)")
    try expect(outcome.code == 0 || outcome.errors.contains("catlm: "), "\(what): ended without a word")
    try expect(!outcome.errors.contains("Fatal error"), "\(what): \(outcome.brief)")
    let newest = try run.store.newestVerified()
    try expect(newest.passedOver.isEmpty, "\(what): broken \(newest.passedOver.map(\.reason))")
    try bench.training(run: run.path, choice).succeed()
    try run.requireSame(as: reference, to: 12)
  }
}
