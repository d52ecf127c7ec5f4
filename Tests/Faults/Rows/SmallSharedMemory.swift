import FaultSupport
import Foundation
import JSON

/// Row 21: there is little or no room where ranks of a machine share memory.
enum SmallSharedMemory {
  static let checks = [
    FaultCheck(21, "room", "2 or 3 ranks under mpirun where /dev/shm holds 4 KiB to 30 MiB", fullCount: 60) { _ in
      guard getuid() == 0 else { throw NotPossible("needs root, to mount a file system on /dev/shm") }
      // Benches are in /dev/shm, where this one would vanish.
      let scratch = try Scratch(inMemory: false)
      let bench = try Bench(path: scratch.path + "/bench")
      let reference = RunFolder(path: try bench.directory("alone"))
      try bench.training(run: reference.path, []).succeed()
      return Attempts { index, random in
        // Half of them with hardly any room.
        let isTiny = Bool.random(using: &random)
        let size = 4096 * Int.random(in: 1...(isTiny ? 256 : 7500), using: &random)
        try withExtendedLifetime(scratch) { try train(bench, 2 + index % 2, sharedBytes: size, reference) }
      }
    }
  ]

  /// The run must end well, follow the curve of one rank, and say so where sums cannot go through shared memory.
  private static func train(_ bench: Bench, _ ranks: Int, sharedBytes: Int, _ reference: RunFolder) throws {
    let run = RunFolder(path: try bench.directory("run"))
    let body = "mount -t tmpfs -o size=\(sharedBytes) tmpfs /dev/shm && exec \"$@\""
    let outcome = try bench.training(run: run.path, ranks: ranks, [])
      .under("unshare", ["--mount", "sh", "-c", body, "sh"]).run()
    try expect(outcome.code == 0, "\(sharedBytes) bytes: ended with \(outcome.code): \(outcome.brief)")
    let lineCount = outcome.errors.split(separator: "\n").count { $0.contains("ranks share no memory of the machine") }
    // A rank needs 1 MiB for its sums and leaves MPI 4, some of which MPI may have taken before.
    let allowed = sharedBytes < ranks * (5 << 20) ? 1...1 : sharedBytes < ranks * (9 << 20) ? 0...1 : 0...0
    try expect(allowed.contains(lineCount), "\(sharedBytes) bytes: said \(lineCount) times: \(outcome.brief)")
    let (mine, theirs) = (losses(run), losses(reference))
    try expect(mine.count == theirs.count && !mine.isEmpty, "\(mine.count) records, \(theirs.count) on one rank")
    for (found, expected) in zip(mine, theirs) where abs(found - expected) > 1e-5 * expected {
      throw Unexpected("\(sharedBytes) bytes: loss \(found), on one rank \(expected)")
    }
  }

  private static func losses(_ run: RunFolder) -> [Double] {
    run.records().compactMap { $0["loss"]?.numberValue }
  }
}
