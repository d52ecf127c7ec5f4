import Benchmarks
import JSON
import Testing

/// Results as the program prints them, shortened.
private enum Result {
  static func train(
    _ seconds: Double, size: String = "S", chunkSize: Int = 16, processor: String = "A"
  ) -> String {
    """
    {"size": "\(size)", "model": "cat", "chunk_size": \(chunkSize), "context": 512, "batch": 8, "ranks": 1, \
    "independent": false, "threads": 2, "processor": "\(processor)", "step_seconds": \(seconds), \
    "tokens_per_second": \(4096 / seconds)}
    """
  }

  static func kernels(_ seconds: [String: Double], threads: Int = 2, precision: String? = nil) -> String {
    let list = seconds.sorted { $0.key < $1.key }.map {
      "{\"kernel\": \"\($0.key)\", \"shape\": \"[2]\", \"seconds\": \($0.value)}"
    }
    let rounding = precision.map { "\"precision\": \"\($0)\", " } ?? ""
    return """
      {"size": "S", "chunk_size": 16, "threads": \(threads), \(rounding)"machine": {"processor": "A", "cores": 2},
       "kernels": [\(list.joined(separator: ",\n"))]}
      """
  }

  static func allreduce(_ bytes: Int, _ seconds: Double) -> String {
    """
    {"bytes": \(bytes), "wire": "float32", "ranks": 2, "seconds": \(seconds), "algorithm_bytes_per_second": 1}
    """
  }

  static func read(_ texts: String..., path: String = "a.json") throws -> BenchmarkReport {
    try BenchmarkReport(texts.joined(separator: "\n") + "\n", path: path)
  }
}

@Suite struct ComparisonTests {
  @Test func `one object, or one a line, is read`() throws {
    let one = try Result.read(Result.kernels(["norm": 0.5, "add": 0.25]))
    #expect(one.kind == .kernels && one.entries.map(\.seconds) == [0.25, 0.5])
    #expect(one.entries[1].name == "norm [2] S chunk_size 16 threads 2 float32")
    let lines = try Result.read(Result.allreduce(4, 0.1), "", Result.allreduce(8, 0.2))
    #expect(lines.kind == .allreduce && lines.entries.map(\.seconds) == [0.1, 0.2])
  }

  @Test func `a sweep counts as its trainings`() throws {
    let report = try Result.read("{\"cores\": 2, \"splits\": [\(Result.train(1)), \(Result.train(2, chunkSize: 4))]}")
    #expect(report.kind == .train && report.entries.map(\.seconds) == [1, 2])
  }

  @Test func `what became slower by more than the tolerance is found`() throws {
    let old = try Result.read(Result.kernels(["add": 1, "norm": 1, "scale": 1]))
    let new = try Result.read(Result.kernels(["add": 1.04, "norm": 1.06, "scale": 0.5]))
    let comparison = try BenchmarkComparison(old, new)
    #expect(comparison.rows.map(\.ratio) == [1.04, 1.06, 0.5])
    #expect(comparison.slower(tolerance: 0.05).map(\.name) == ["norm [2] S chunk_size 16 threads 2 float32"])
    #expect(comparison.slower(tolerance: 0.1).isEmpty)
    #expect(comparison.slower(tolerance: 0.01).count == 2)
  }

  @Test func `of several runs under the same conditions the fastest counts`() throws {
    let old = try Result.read(Result.train(3), Result.train(1), Result.train(2))
    let new = try Result.read(Result.train(1.5), Result.train(1.2))
    let rows = try BenchmarkComparison(old, new).rows
    #expect(rows.count == 1 && rows[0].oldSeconds == 1 && rows[0].newSeconds == 1.2)
  }

  @Test func `what one file has alone is named and not compared`() throws {
    let old = try Result.read(Result.train(1, chunkSize: 4), Result.train(1))
    let new = try Result.read(Result.train(1), Result.train(9, chunkSize: 8))
    let comparison = try BenchmarkComparison(old, new)
    #expect(comparison.rows.count == 1)
    #expect(comparison.onlyInOld.count == 1 && comparison.onlyInOld[0].contains("chunk_size 4"))
    #expect(comparison.onlyInNew.count == 1 && comparison.onlyInNew[0].contains("chunk_size 8"))
  }

  @Test func `a file that does not say its precision is of float32`() throws {
    let old = try Result.read(Result.kernels(["add": 1]))
    let new = try Result.read(Result.kernels(["add": 2], precision: "float32"))
    #expect(try BenchmarkComparison(old, new).rows.map(\.ratio) == [2])
    let rounded = try Result.read(Result.kernels(["add": 2], precision: "bfloat16"), path: "b.json")
    let error = #expect(throws: JSONError.self) { try BenchmarkComparison(old, rounded) }
    #expect(error?.description == "b.json: precision: found \"bfloat16\"; allowed: \"float32\", as in a.json")
  }

  @Test func `another machine is said`() throws {
    let comparison = try BenchmarkComparison(
      Result.read(Result.train(1)), Result.read(Result.train(1, processor: "B"), path: "b.json"))
    #expect(comparison.machineDifferences == ["processor: \"A\" in a.json, \"B\" in b.json"])
    let same = try BenchmarkComparison(Result.read(Result.train(1)), Result.read(Result.train(2)))
    #expect(same.machineDifferences.isEmpty)
  }

  @Test(arguments: [
    (Result.train(1, size: "M"), "b.json: size: found \"M\"; allowed: \"S\", as in a.json"),
    (Result.train(1, chunkSize: 4), "b.json: chunk_size: found 4; allowed: 16, as in a.json"),
    (Result.allreduce(4, 1), "b.json: found benchmark allreduce; allowed: train, as in a.json"),
  ])
  func `results of another kind or size are refused by name`(other: String, message: String) throws {
    let (old, new) = (try Result.read(Result.train(1)), try Result.read(other, path: "b.json"))
    let error = #expect(throws: JSONError.self) { try BenchmarkComparison(old, new) }
    #expect(error?.description == message)
  }

  @Test(arguments: [
    "", "{", "[]", "{}", "7", "{\"kernels\": [{\"kernel\": \"a\"}]}",
    Result.train(0), Result.train(1) + "\n" + Result.allreduce(4, 1), Result.train(1) + "\n{",
  ])
  func `what no benchmark printed is refused with the file's name`(text: String) {
    let error = #expect(throws: JSONError.self) { try BenchmarkReport(text, path: "a.json") }
    #expect(error?.description.hasPrefix("a.json") == true, "\(error?.description ?? "")")
  }

  @Test func `a file that is not there is named`() {
    let error = #expect(throws: JSONError.self) { try BenchmarkReport(path: "/nowhere/a.json") }
    #expect(error?.description.contains("/nowhere/a.json") == true)
  }
}
