import Foundation
import JSON
import Testing

extension CommandTests {
  @Suite struct ResumeTests {
    @Test func `a run that was killed goes on to the same bytes as one that was not`() throws {
      let workspace = try Workspace()
      let more = ["--set", "train.steps=400", "--set", "checkpoint.interval=10"]
      try Command.catlm(Workspace.training("whole") + more, in: workspace.path).run().succeeded()

      let command = try Command.catlm(Workspace.training("killed") + more, in: workspace.path)
      for step in [25, 117] {
        let running = try command.start()
        try running.wait { try workspace.records(run: "killed").count >= step }
        running.send(SIGKILL)
        #expect(try running.wait().code == 128 + SIGKILL)
      }
      let last = try command.run().succeeded()
      #expect(last.errors.contains("resuming"), "\(last.errors)")
      #expect(last.errors.contains("taken over from a process that ended"), "\(last.errors)")
      try expectSame(workspace, "whole", "killed")
    }

    /// Two runs with the same training records, apart from times, and the same bytes in all tensors.
    private func expectSame(_ workspace: Workspace, _ expected: String, _ found: String) throws {
      let keys = ["step", "loss", "gradient_norm", "learning_rate", "chunk_size", "tokens"]
      let curves = try [expected, found].map { run in
        try workspace.records(run: run).map { record in keys.map { record[$0] } }
      }
      #expect(curves[0].count == 400)
      #expect(curves[0] == curves[1])
      let (left, right) = (try workspace.latest(run: expected), try workspace.latest(run: found))
      let names = try workspace.tensorFiles(left)
      #expect(names.count == 2)
      #expect(try workspace.tensorFiles(right) == names)
      for name in names {
        #expect(try workspace.bytes(left + "/" + name) == workspace.bytes(right + "/" + name), "\(name)")
      }
    }

    @Test func `a finished run says so`() throws {
      let workspace = try Workspace(isTrained: true)
      let outcome = try workspace.train().succeeded()
      #expect(outcome.errors.contains("the run is finished"))
      #expect(try workspace.records().count == 12)
    }

    @Test func `a damaged checkpoint is passed over for the one before it`() throws {
      let workspace = try Workspace(isTrained: true)
      let whole = try workspace.losses()
      let newest = try workspace.latest()
      try workspace.damage(newest + "/model-00001-of-00001.safetensors")
      let outcome = try workspace.train().succeeded()
      #expect(outcome.errors.contains("passed over"), "\(outcome.errors)")
      #expect(outcome.errors.contains("step=8"), "\(outcome.errors)")
      #expect(try workspace.losses() == whole)
    }

    @Test func `a run without an intact checkpoint is refused and left as it is`() throws {
      let workspace = try Workspace(isTrained: true)
      let metrics = try workspace.bytes("run/metrics.jsonl")
      for step in [4, 8, 12] {
        let number = step < 10 ? "0\(step)" : "\(step)"
        try workspace.damage("run/checkpoints/step-000000\(number)/model-00001-of-00001.safetensors")
      }
      let outcome = try workspace.train("--set", "train.steps=20")
      #expect(outcome.code == 2)
      let line = try #require(outcome.errorLines.last)
      #expect(line.contains("all 3 checkpoints are damaged") && line.contains("--resume none --run NEW"), "\(line)")
      #expect(line.contains("step-00000004/") && line.contains("step-00000008/") && line.contains("step-00000012/"))
      #expect(try workspace.bytes("run/metrics.jsonl") == metrics)
      try workspace.train(run: "new", "--resume", "none").succeeded()
    }

    @Test func `a finished run with another learning rate is refused`() throws {
      let workspace = try Workspace(isTrained: true)
      let outcome = try workspace.train("--set", "optimizer.learning_rate=0.01")
      #expect(outcome.code == 2)
      let line = try #require(outcome.errorLines.last)
      #expect(line.contains("the run is finished (12 steps)") && line.contains("--run NEW"), "\(line)")
      #expect(line.contains("optimizer.learning_rate is 0.01, was 0.001"), "\(line)")
      #expect(!outcome.errors.contains("configuration changed"), "\(outcome.errors)")
    }

    @Test func `data is known by its content, not by its path`() throws {
      let workspace = try Workspace(isTrained: true)
      let text = String(decoding: try workspace.bytes("text.txt"), as: UTF8.self)
      try workspace.write(text.replacing("times", with: "Times"), "other.txt")
      try workspace.catlm("tokenize", "--output", "other", "other.txt").succeeded()
      let move = { (from: String, to: String) in
        try FileManager.default.moveItem(atPath: workspace.file(from), toPath: workspace.file(to))
      }
      try move("data", "moved")
      let moved = ["--set", "data.train=moved", "--set", "data.validation=moved", "--set", "train.steps=16"]
      try Command.catlm(Workspace.training("run") + moved, in: workspace.path).run().succeeded()
      try move("other", "data")
      let outcome = try workspace.train("--set", "train.steps=20")
      #expect(outcome.code == 2)
      #expect(outcome.errorLines.last?.contains("data.train (content of shard 1 of 1)") == true, "\(outcome.errors)")
    }

    @Test(.enabled(if: FileManager.default.isExecutableFile(atPath: "/usr/bin/prlimit"), "there is no prlimit"))
    func `metrics that cannot be written end no run, and go on whole when there is room`() throws {
      let workspace = try Workspace()
      // No file may have more bytes than this; checkpoints stay below it.
      let arguments =
        Workspace.training("run") + [
          "--set", "train.steps=1000000", "--set", "checkpoint.shard_bytes=20000", "--set", "checkpoint.interval=50",
        ]
      let running = try Command.catlm(arguments, in: workspace.path).under("prlimit", ["--fsize=65000:unlimited"])
        .start()
      try running.wait { try running.said().contains("metrics cannot be written") }
      try Command(
        executable: "/usr/bin/prlimit", arguments: ["--pid", "\(running.processIdentifier)", "--fsize=unlimited"],
        directory: workspace.path
      ).run().succeeded()
      try running.wait { try running.said().contains("metrics are written again") }
      running.send(SIGTERM)
      try running.wait().succeeded()
      let steps = try workspace.records().map { $0["step"]?.integerValue }
      #expect(steps == (1...steps.count).map { $0 })
      #expect(try workspace.bytes("run/metrics.jsonl").count > 65000)
    }

    @Test(arguments: [nil, 2] as [Int?])
    func `a shard that is cut short during training ends the run with a line that names it`(ranks: Int?) throws {
      let workspace = try Workspace()
      let arguments = Workspace.training("run") + ["--set", "train.steps=1000000"]
      let command =
        try ranks.map { try Command.mpirun(ranks: $0, arguments, in: workspace.path) }
        ?? Command.catlm(arguments, in: workspace.path)
      let running = try command.start()
      try running.wait { try workspace.records().count >= 5 }
      let shard = "data/tokens_train_000000.bin"
      try #require(FileManager.default.fileExists(atPath: workspace.file(shard)))
      truncate(workspace.file(shard), 0)
      let outcome = try running.wait()
      #expect(outcome.code == 1, "\(outcome.errors)")
      let lines = outcome.errorLines.filter {
        $0.hasPrefix("catlm: \(shard): the file was cut short while it was in use")
      }
      #expect((1...(ranks ?? 1)).contains(lines.count), "\(outcome.errors)")
      #expect(!outcome.errors.contains("Crash") && !outcome.errors.contains("Bus error"), "\(outcome.errors)")
    }

    @Test func `resume none is refused where a run has checkpoints`() throws {
      let workspace = try Workspace(isTrained: true)
      let whole = try workspace.losses()
      let outcome = try workspace.train("--resume", "none")
      #expect(outcome.code == 2 && outcome.errorLines.count == 1, "\(outcome.errors)")
      #expect(try workspace.losses() == whole)
    }

    @Test func `a checkpoint of another model is refused by the key that differs`() throws {
      let workspace = try Workspace(isTrained: true)
      let outcome = try workspace.train("--set", "model.hidden_size=64", "--set", "train.steps=20")
      #expect(outcome.code == 2)
      #expect(outcome.errorLines.last?.contains("model.hidden_size") == true, "\(outcome.errors)")
    }
  }
}
