import JSON
import Testing

extension CommandTests {
  @Suite struct BenchmarkTests {
    private static let arguments = [
      "benchmark", "train", "--steps", "1", "--warmup", "1", "--batch-size", "1", "--micro-batches", "2", "--context",
      "32", "--threads", "1", "--json",
    ]

    @Test(arguments: [
      [], ["--independent"], ["--shard-optimizer", "--wire", "bfloat16"], ["--overlap", "on"],
      ["--precision", "bfloat16"],
    ])
    func `ranks are timed together and one of them reports`(options: [String]) throws {
      let outcome = try Command.mpirun(ranks: 2, Self.arguments + options, in: Program.root).run().succeeded()
      let report = try #require(try outcome.objects.first)
      #expect(outcome.outputLines.count == 1)
      #expect(report["ranks"] == .integer(2) && report["micro_batches"] == .integer(2))
      let step = try #require(report["step_seconds"]?.numberValue)
      let rate = try #require(report["tokens_per_second"]?.numberValue)
      // Two ranks, two micro-batches, 32 tokens each; the slowest rank's step.
      #expect(step > 0 && rate >= 0.999 * 128 / step)
      let exposed = try #require(report["exposed_seconds"]?.numberValue)
      #expect(options == ["--independent"] ? exposed < 0.01 * step : exposed > 0)
      #expect(report["overlap"] == .flag(options.contains("on")))
      #expect(report["precision"] == .text(options.contains("--precision") ? "bfloat16" : "float32"))
      #expect(report["shard_optimizer"] == .flag(options.contains("--shard-optimizer")))
    }

    @Test(arguments: ["float32", "bfloat16"])
    func `ranks together are held against ranks apart`(precision: String) throws {
      let outcome = try Command.mpirun(
        ranks: 2,
        [
          "benchmark", "scaling", "--rounds", "3", "--steps", "1", "--batch-size", "1", "--context", "32", "--threads",
          "1", "--precision", precision, "--json",
        ], in: Program.root
      ).run().succeeded()
      let report = try #require(try outcome.objects.first)
      #expect(outcome.outputLines.count == 1)
      #expect(report["ranks"] == .integer(2) && report["rounds"] == .integer(3))
      #expect(report["precision"] == .text(precision))
      let together = try #require(report["fastest_together_tokens_per_second"]?.numberValue)
      let apart = try #require(report["fastest_apart_tokens_per_second"]?.numberValue)
      #expect(together > 0 && report["fastest_efficiency"] == .number(together / apart))
      let slowest = try #require(report["efficiency_at_slowest_pace"]?.numberValue)
      let efficiency = try #require(report["efficiency"]?.numberValue)
      #expect(slowest >= efficiency)
    }

    @Test func `the last line of the rounds says what they were measured with`() throws {
      let arguments = [
        "benchmark", "scaling", "--rounds", "1", "--steps", "1", "--batch-size", "1", "--context", "32", "--threads",
        "1", "--precision", "bfloat16",
      ]
      let lines = try Command.catlm(arguments).run().succeeded().outputLines
      #expect(lines.count == 3 && lines[2].hasPrefix("1 rank, products in bfloat16, median of 1: "), "\(lines)")
    }

    @Test func `recomputation lowers the memory of a step, as predicted`() throws {
      var bytes: [Int] = []
      for mode in ["none", "attention", "blocks"] {
        let arguments = Self.arguments + ["--recompute", mode]
        let report = try #require(try Command.catlm(arguments).run().succeeded().objects.first)
        #expect(report["recompute"] == .text(mode))
        #expect(report["predicted_tensor_bytes"] == report["tensor_bytes"])
        bytes.append(try #require(report["tensor_bytes"]?.integerValue))
      }
      #expect(bytes == bytes.sorted(by: >) && Set(bytes).count == 3, "\(bytes)")
    }
  }
}
