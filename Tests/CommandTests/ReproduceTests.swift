import Foundation
import Testing

extension CommandTests {
  /// `launch/reproduce`, cut down to a few steps, in a clone that has nothing but what it needs.
  @Suite struct ReproduceTests {
    private let workspace: Workspace

    init() throws {
      workspace = try Workspace()
      try FileManager.default.createDirectory(atPath: workspace.file("launch"), withIntermediateDirectories: true)
      for name in ["launch/reproduce", "launch/common", "configs"] {
        try FileManager.default.createSymbolicLink(
          atPath: workspace.file(name), withDestinationPath: Program.root + "/" + name)
      }
    }

    private func reproduce(_ arguments: String...) -> Command {
      let cuts = ["--quick", "--set", "train.batch_size=2", "--set", "train.accumulation=1"]
      return Command(
        executable: "/usr/bin/env", arguments: [workspace.file("launch/reproduce")] + arguments + cuts,
        directory: workspace.path)
    }

    private static let tables: [(name: String, rows: [String])] = [
      (
        "adaptive",
        ["| adaptive CAT | 4 |", "| adaptive CAT | 16 |", "| fixed CAT of 4 | 4 |", "| fixed CAT of 16 | 16 |"]
      ),
      ("width", ["| CAT, decoder width 64 | 4 |", "| CAT, decoder width 128 | 16 |", "| dense, width 64 | – |"]),
      ("tradeoff", ["| loss | 4 |", "| loss | 16 |", "| needle | 8 |", "| writing | 16 |"]),
    ]

    @Test(arguments: tables)
    func `a figure ends in a table and a page`(name: String, rows: [String]) throws {
      let outcome = try reproduce(name, "text.txt", "--set", "train.steps=6").start().wait(atMost: .seconds(600))
      try outcome.succeeded()
      #expect(outcome.outputLines == workspace.lines("runs/reproduce/\(name)-quick.md").filter { !$0.isEmpty })
      for row in rows { #expect(outcome.output.contains(row), "\(row) in \(outcome.output)") }
      #expect(workspace.lines("runs/reproduce/\(name)-quick.html").first?.hasPrefix("<!DOCTYPE html>") == true)
    }

    @Test func `recall goes on where it was killed, over all seeds`() throws {
      let arguments = ["--seeds", "2", "--set", "train.steps=24", "--set", "checkpoint.interval=4"]
      let command = reproduce("recall")
      let whole = Command(
        executable: command.executable, arguments: command.arguments + arguments, directory: command.directory)
      let first = try whole.start()
      let runs = workspace.file("runs/reproduce/recall-quick")
      let hasCheckpoint = { (run: String) in
        FileManager.default.fileExists(atPath: "\(runs)/\(run)/checkpoints/latest")
      }
      try first.wait { hasCheckpoint("dense-1") }
      // The script and all that it started: a process group of its own.
      let group = first.processIdentifier
      try #require(getpgid(group) == group && group != getpgid(0))
      kill(-group, SIGKILL)
      #expect(try first.wait().code != 0)

      let second = try whole.start().wait(atMost: .seconds(600)).succeeded()
      #expect(second.errors.contains("resuming"), "\(second.errors)")
      let rows = second.outputLines.filter { $0.contains(" 2 seeds |") }
      let expected =
        ["2", "4", "8"].map { "| adaptive CAT | \($0) |" } + ["| dense | – |"]
        + ["16", "20"].map { "| windows of \($0) | – |" }
      #expect(rows.count == expected.count)
      for (row, beginning) in zip(rows, expected) { #expect(row.hasPrefix(beginning), "\(rows)") }
      // A window as long as the CAT's cache: 2 layers, keys and values of 64 floats a row.
      let cells = rows.map { $0.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) } }
      #expect(cells.map { Int($0[2]) } == [34, 20, 16, 64, 16, 20].map { $0 * 2 * 2 * 64 * 4 })

      let third = try whole.run().succeeded()
      #expect(third.output == second.output && !third.errors.contains("step 1/"), "nothing is trained again")
    }

    @Test func `a signal stops the runs with checkpoints`() throws {
      let running = try reproduce("width", "text.txt", "--set", "train.steps=5000").start()
      try running.wait { (try? workspace.records(run: "runs/reproduce/width-quick/cat-64-1").count) ?? 0 > 0 }
      running.send(SIGTERM)
      let outcome = try running.wait()
      #expect(outcome.code == 143 && outcome.errors.contains("the same command goes on from here"), "\(outcome.errors)")
      #expect(try workspace.latest(run: "runs/reproduce/width-quick/cat-64-1").contains("step-"))
    }

    @Test(arguments: [
      ([], "NAME: found nothing, allowed: recall, tradeoff, adaptive, width"),
      (["figure"], "figure: found no such figure, allowed: recall"), (["recall", "--seeds", "0"], "--seeds: found 0"),
      (["width", "absent"], "absent: found no file that can be read"), (["width", "--set", "a"], "--set: found a"),
      (["width", "--slow"], "--slow: found an unknown option"),
    ])
    func `arguments that are none are refused`(arguments: [String], message: String) throws {
      let outcome = try workspace.script("reproduce", arguments).run()
      #expect(outcome.code == 2 && outcome.errorLines.count == 1)
      #expect(outcome.errors.hasPrefix("launch/reproduce: " + message), "\(outcome.errors)")
    }
  }
}
