import Foundation
import JSON
import Testing

extension CommandTests {
  @Suite struct SweepTests {
    private static let arguments = [
      "benchmark", "train", "--sweep", "--steps", "1", "--warmup", "0", "--batch-size", "1", "--context", "32",
    ]

    /// The command on the first two cores, and the program's environment without a directory on the PATH if asked for.
    private func sweep(_ options: [String] = [], path: String? = nil) throws -> Outcome {
      let program = try #require(Program.path)
      let words = (path.map { ["PATH=\($0)"] } ?? []) + ["/usr/bin/taskset", "-c", "0-1", program]
      return try Command(
        executable: "/usr/bin/env", arguments: words + Self.arguments + options, directory: Program.root
      ).run()
    }

    private static let hasTwoCores = ProcessInfo.processInfo.activeProcessorCount >= 2

    @Test(.enabled(if: hasTwoCores, "one core has one split"))
    func `every split of the cores is timed, each core with the same samples`() throws {
      let report = try #require(try sweep(["--json"]).succeeded().objects.first)
      let splits = try #require(report["splits"]?.listValue)
      #expect(report["cores"] == .integer(2) && report["samples_a_core"] == .integer(1))
      #expect(splits.map { $0["ranks"]?.integerValue } == [1, 2, 1])
      #expect(splits.map { $0["threads"]?.integerValue } == [2, 1, 1])
      #expect(splits.map { $0["batch"]?.integerValue } == [2, 1, 1])
      #expect(splits.allSatisfy { $0["context"] == .integer(32) })
      let fastest = splits.max {
        ($0["tokens_per_second"]?.numberValue ?? 0) < ($1["tokens_per_second"]?.numberValue ?? 0)
      }
      #expect(report["best"]?["ranks"] == fastest?["ranks"] && report["best"]?["threads"] == fastest?["threads"])
    }

    @Test(.enabled(if: hasTwoCores, "one core has one split"))
    func `a table ends with the best split`() throws {
      let lines = try sweep().succeeded().outputLines
      #expect(lines.count == 5 && lines[4].hasPrefix("best: "), "\(lines)")
    }

    @Test(.enabled(if: hasTwoCores, "one core needs no launcher"))
    func `without mpirun the command says so at once`() throws {
      let outcome = try sweep(path: "/nowhere")
      #expect(outcome.code == 2 && outcome.errorLines.count == 1, "\(outcome.errors)")
      #expect(outcome.errors.contains("mpirun") && outcome.errors.contains("/nowhere"))
    }

    @Test func `threads and sweep exclude each other`() throws {
      let outcome = try Command.catlm(Self.arguments + ["--threads", "1"]).run()
      #expect(outcome.code == 2 && outcome.errors.contains("--sweep"), "\(outcome.errors)")
    }

    @Test func `ranks do not sweep`() throws {
      let outcome = try Command.mpirun(ranks: 2, Self.arguments, in: Program.root).run()
      #expect(outcome.code == 2 && outcome.errors.contains("--sweep: found a launcher"), "\(outcome.errors)")
    }
  }
}
