import JSON
import Testing

extension CommandTests {
  @Suite struct KernelsTests {
    private static let arguments = ["benchmark", "kernels", "--only", "norm", "--seconds", "0.01", "--threads", "1"]

    @Test func `kernels are timed beside the machine's ceilings`() throws {
      let outcome = try Command.catlm(Self.arguments + ["--json", "--chunk-size", "8"]).run().succeeded()
      let report = try #require(try outcome.objects.first)
      #expect(outcome.outputLines.count == 1 && outcome.errors.isEmpty, "\(outcome.errors)")
      #expect(report["threads"] == .integer(1) && report["chunk_size"] == .integer(8))
      #expect(report["machine"]?["processor"]?.textValue?.isEmpty == false)
      let memory = try #require(report["ceilings"]?["memory_bytes_per_second"]?.numberValue)
      #expect(try #require(report["ceilings"]?["product_operations_per_second"]?.numberValue) > 1e8)
      let kernels = try #require(report["kernels"]?.listValue)
      #expect(kernels.map { $0["kernel"]?.textValue } == ["norm forward", "norm backward"])
      for kernel in kernels {
        let (bytes, seconds) = (kernel["bytes"]?.numberValue ?? 0, kernel["seconds"]?.numberValue ?? 0)
        let share = try #require(kernel["share_of_ceiling"]?.numberValue)
        #expect(bytes > 0 && seconds > 0 && abs(share * memory * seconds / bytes - 1) < 1e-9, "\(kernel)")
      }
    }

    @Test func `each kernel is held against products of its own precision, which results are compared by`() throws {
      let workspace = try Workspace()
      for precision in ["float32", "bfloat16"] {
        let arguments = ["benchmark", "kernels", "--only", " forward", "--seconds", "0.01", "--threads", "1", "--json"]
        let outcome = try Command.catlm(arguments + ["--precision", precision]).run().succeeded()
        let report = try #require(try outcome.objects.first)
        #expect(report["precision"] == .text(precision))
        let ceiling = { (key: String) in try #require(report["ceilings"]?[key]?.numberValue, "\(key)") }
        let (rounded, exact) = (
          try ceiling("product_operations_per_second"), try ceiling("float32_product_operations_per_second")
        )
        #expect((rounded == exact) == (precision == "float32"))
        for kernel in try #require(report["kernels"]?.listValue) where kernel["operations"] != nil {
          let rate = try #require(kernel["operations_per_second"]?.numberValue)
          let share = try #require(kernel["share_of_ceiling"]?.numberValue)
          let isProduct = kernel["kernel"] == .text("product forward")
          #expect(kernel["precision"] == .text(isProduct ? precision : "float32"), "\(kernel)")
          #expect(abs(share * (isProduct ? rounded : exact) / rate - 1) < 1e-9, "\(kernel)")
        }
        try workspace.write(outcome.output, precision + ".json")
      }
      let outcome = try workspace.catlm("benchmark", "compare", "float32.json", "bfloat16.json")
      #expect(outcome.code == 2 && outcome.errors.contains("precision: found \"bfloat16\""), "\(outcome.errors)")
    }

    @Test func `a table has a line a kernel under the ceilings`() throws {
      let lines = try Command.catlm(Self.arguments).run().succeeded().outputLines
      #expect(lines.contains { $0.hasPrefix("memory: copy ") } && lines.contains { $0.contains(" GFLOP/s in float32") })
      #expect(lines.count { $0.hasPrefix("norm ") && $0.contains("[4352, 256]") } == 2, "\(lines)")
    }

    @Test(arguments: [["--only", "nonsense"], ["--seconds", "0"], ["--chunk-size", "0"], ["--size", "L"]])
    func `an option that cannot be is refused`(options: [String]) throws {
      let outcome = try Command.catlm(Self.arguments + options).run()
      #expect(outcome.code == 2 && outcome.errorLines.count == 1, "\(outcome.errors)")
      #expect(outcome.errors.contains(options[0]), "\(outcome.errors)")
    }
  }
}
