import Foundation
import JSON
import Testing

extension CommandTests {
  @Suite struct EvaluationTests {
    @Test func `evaluate prints one object a chunk size of the run`() throws {
      let workspace = try Workspace(isTrained: true)
      let rows = try workspace.catlm("evaluate", "run", "--json").succeeded().objects
      #expect(rows.map { $0["chunk_size"] } == [.integer(1), .integer(2), .integer(8)])
      for row in rows {
        let loss = try #require(row["loss"]?.numberValue)
        #expect(loss > 0 && loss < 8)
        #expect(try #require(row["tokens_per_second"]?.numberValue) > 0)
      }
      let caches = try rows.map { try #require($0["cache_bytes"]?.integerValue) }
      #expect(caches[0] > caches[2], "larger chunks keep less: \(caches)")
    }

    @Test func `evaluate prints a table with a line a chunk size`() throws {
      let workspace = try Workspace(isTrained: true)
      let lines = try workspace.catlm("evaluate", "run", "--chunk-sizes", "2,4").succeeded().outputLines
      #expect(lines.count == 3)
      #expect(lines[0].contains("cache bytes a sequence"))
    }

    @Test func `shards that tokenize writes hold the text`() throws {
      let workspace = try Workspace(isTrained: true)
      let arguments = ["--validation-share", "0", "--output", "shards", "--name", "all", "text.txt"]
      try Command.catlm(["tokenize"] + arguments, in: workspace.path).run().succeeded()
      let size = try workspace.bytes("text.txt").count
      #expect(try workspace.bytes("shards/all_train_000000.bin").count == 1024 + 2 * size)
      let source = ["evaluate", "run", "--json", "--chunk-sizes", "2", "--threads", "1"]
      let losses = try [["--tokens", "shards/all_train_000000.bin"], ["--text", "text.txt"]].map {
        try Command.catlm(source + $0, in: workspace.path).run().succeeded().objects.map { $0["loss"] }
      }
      #expect(losses[0].count == 1)
      #expect(losses[0] == losses[1])
    }

    @Test func `a recall task is made on the fly`() throws {
      let workspace = try Workspace(isTrained: true)
      let outcome = try workspace.catlm(
        "train", Program.root + "/configs/mqar.yaml", "--run", "recall", "--set", "train.steps=1", "--set",
        "train.batch_size=2", "--set", "data.validation_samples=5", "--set", "checkpoint.interval=0")
      try outcome.succeeded()
      let rows = try workspace.catlm("evaluate", "recall", "--task", "mqar", "--samples", "10", "--json").succeeded()
      #expect(try rows.objects.count == 1)
    }
  }
}
