import Benchmarks
import Testing

@Suite struct CostCurveTests {
  private func point(_ context: Int, operations: Double, seconds: Double, chunkSize: Int? = 16) -> CostPoint {
    CostPoint(
      context: context, chunkSize: chunkSize, sampleCount: 1, operations: operations, seconds: seconds, tensorBytes: 1)
  }

  @Test func `steps on a line do not deviate from it`() throws {
    let points = [1.0, 3, 10, 40].map { point(512, operations: $0 * 1e9, seconds: 0.25 + $0 / 100) }
    let curve = CostCurve("steps", points)
    #expect(abs(try #require(curve.fixedSeconds) - 0.25) < 1e-9)
    #expect(abs(try #require(curve.operationsPerSecond) / 1e11 - 1) < 1e-9)
    #expect(try #require(curve.largestDeviation) < 1e-9)
  }

  @Test func `the step that is off is named by how much`() throws {
    let points = [1.0, 2, 4, 8, 16].map { point(512, operations: $0, seconds: $0 == 4 ? 6 : $0) }
    let curve = CostCurve("steps", points)
    let deviations = points.map { curve.deviation($0) ?? .nan }
    #expect(deviations.max() == deviations[2] && deviations[2] > 0.2)
    #expect(curve.largestDeviation == deviations.map(abs).max())
  }

  @Test func `two equal steps give no line`() {
    let curve = CostCurve("steps", [point(512, operations: 1, seconds: 1), point(512, operations: 1, seconds: 2)])
    #expect(curve.fixedSeconds == nil && curve.largestDeviation == nil)
  }

  @Test func `the price is there for contexts that both models have`() {
    let report = CostReport(
      contexts: CostCurve(
        "cat", [512, 1024, 2048].map { point($0, operations: Double($0), seconds: Double($0)) }),
      chunkSizes: CostCurve("cat", []),
      dense: CostCurve(
        "dense", [1024, 2048].map { point($0, operations: 1, seconds: 2 * Double($0), chunkSize: nil) }),
      leftOut: [])
    #expect(report.price.map(\.context) == [1024, 2048])
    #expect(report.price.map { $0.cat.seconds / $0.dense.seconds } == [0.5, 0.5])
    #expect(report.curves.map(\.name) == ["cat", "dense"])
  }

  @Test func `a point is measured for every context and chunk size`() throws {
    let benchmark = CostBenchmark(.small, sampleCount: 1, stepCount: 2, patience: 0) { Backends.make(threadCount: 1) }
    var reported: [Int] = []
    let report = try benchmark.run(contexts: [32, 48, 64], chunkSize: 4, chunkSizes: [], includesDense: true) {
      reported.append($0.context)
    }
    #expect(reported == [32, 32, 48, 48, 64, 64])
    #expect(report.contexts.points.map(\.context) == [32, 48, 64] && report.leftOut.isEmpty)
    #expect(report.dense.points.allSatisfy { $0.chunkSize == nil && $0.seconds > 0 })
    let operations = report.contexts.points.map(\.operations)
    #expect(operations == operations.sorted() && operations[0] < operations[2])
  }
}
