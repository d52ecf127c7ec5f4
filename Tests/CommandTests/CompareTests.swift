import JSON
import Testing

extension CommandTests {
  @Suite struct CompareTests {
    private static let train = [
      "benchmark", "train", "--steps", "1", "--warmup", "0", "--batch-size", "1", "--context", "32", "--threads", "1",
      "--json",
    ]

    /// What `benchmark train` printed, with its time replaced.
    private func result(_ seconds: Double, options: [String] = []) throws -> String {
      let outcome = try Command.catlm(Self.train + options).run().succeeded()
      guard case .mapping(var entries) = try #require(try outcome.objects.first) else { return "" }
      for index in entries.indices where entries[index].key == "step_seconds" {
        entries[index].value = .number(seconds)
      }
      return JSONValue.mapping(entries).json()
    }

    @Test func `what the program prints is compared, slower ends with code 1`() throws {
      let workspace = try Workspace()
      try workspace.write(result(1), "old.json")
      try workspace.write(result(1.08), "new.json")
      let slower = try workspace.catlm("benchmark", "compare", "old.json", "new.json")
      #expect(slower.code == 1 && slower.errors.isEmpty, "\(slower.errors)")
      #expect(slower.output.contains("1.080") && slower.output.contains("slower"))
      let tolerant = try workspace.catlm("benchmark", "compare", "old.json", "new.json", "--tolerance", "0.1")
      #expect(tolerant.code == 0 && tolerant.output.contains("0 of 1 slower"))
      let faster = try workspace.catlm("benchmark", "compare", "new.json", "old.json", "--json").succeeded()
      let report = try #require(try faster.objects.first)
      #expect(report["kind"] == .text("train") && report["slower"] == .integer(0))
      let ratio = try #require(report["measured"]?.listValue?.first?["ratio"]?.numberValue)
      #expect(abs(ratio - 1 / 1.08) < 1e-9)
    }

    @Test func `results of different sizes or kinds end with code 2 and a line that says which`() throws {
      let workspace = try Workspace()
      try workspace.write(result(1), "old.json")
      try workspace.write(result(1, options: ["--chunk-size", "4"]), "four.json")
      try workspace.write("no JSON", "text.json")
      let sums = try workspace.catlm("benchmark", "allreduce", "--sizes", "4KiB,8KiB", "--json").succeeded()
      try workspace.write(sums.output, "sums.json")
      let cases = [
        ("four.json", ["four.json: chunk_size", "4", "16", "old.json"]),
        ("sums.json", ["sums.json", "allreduce", "train"]), ("text.json", ["text.json"]), ("absent.json", ["absent"]),
      ]
      for (file, names) in cases {
        let outcome = try workspace.catlm("benchmark", "compare", "old.json", file)
        #expect(outcome.code == 2 && outcome.errorLines.count == 1, "\(file): \(outcome.errors)")
        for name in names { #expect(outcome.errors.contains(name), "\(outcome.errors)") }
      }
      let same = try workspace.catlm("benchmark", "compare", "sums.json", "sums.json").succeeded()
      #expect(same.output.contains("0 of 2 slower"))
    }

    @Test func `another machine is a warning`() throws {
      let workspace = try Workspace()
      let text = try result(1)
      let processor = try #require(try JSONValue(json: text)["processor"]?.textValue)
      try workspace.write(text, "old.json")
      try workspace.write(text.replacing(processor, with: "Another"), "new.json")
      let outcome = try workspace.catlm("benchmark", "compare", "old.json", "new.json").succeeded()
      #expect(outcome.errorLines.count == 1)
      #expect(outcome.errors.contains("another machine: processor") && outcome.errors.contains("Another"))
    }

    @Test func `a tolerance below zero is refused`() throws {
      let outcome = try Command.catlm(["benchmark", "compare", "a", "b", "--tolerance=-0.1"]).run()
      #expect(outcome.code == 2 && outcome.errors.contains("--tolerance"), "\(outcome.errors)")
    }
  }
}
