import Benchmarks
import Testing

@Suite struct CostCurveTests {
  private func point(
    _ context: Int, products: Double, attention: Double = 0, seconds: Double, chunkSize: Int? = 16
  ) -> CostPoint {
    CostPoint(
      context: context, chunkSize: chunkSize, sampleCount: 1, productOperations: products,
      attentionOperations: attention, seconds: seconds, tensorBytes: 1)
  }

  /// Steps whose products grow with the context and whose attention grows with its square, in 1e9 operations.
  private func steps(_ contexts: [Int], _ seconds: (_ products: Double, _ attention: Double) -> Double) -> [CostPoint] {
    contexts.map { context in
      let (products, attention) = (Double(context) / 50, Double(context * context) / 150_000)
      return point(
        context, products: products * 1e9, attention: attention * 1e9, seconds: seconds(products, attention))
    }
  }

  private static let contexts = [512, 1024, 2048, 4096, 8192]

  @Test func `a constant and both rates are found, and steps of such times are not off`() throws {
    let curve = CostCurve("steps", steps(Self.contexts) { 0.25 + $0 / 200 + $1 / 50 })
    let fit = try #require(curve.fit)
    #expect(fit.form == .twoRates)
    #expect(abs(fit.fixedSeconds / 0.25 - 1) < 1e-6)
    #expect(abs(try #require(fit.productRate) / 200e9 - 1) < 1e-6)
    #expect(abs(try #require(fit.attentionRate) / 50e9 - 1) < 1e-6)
    #expect(try #require(curve.largestDeviation) < 1e-9)
  }

  @Test func `a term that would be negative is left out`() throws {
    let constant = try #require(CostCurve("", steps(Self.contexts) { $0 / 200 + $1 / 50 - 0.01 }).fit)
    #expect(constant.fixedSeconds == 0 && constant.productRate != nil && constant.attentionRate != nil)
    let attention = try #require(CostCurve("", steps(Self.contexts) { 2 + $0 / 20 - $1 / 1000 }).fit)
    #expect(attention.attentionRate == nil && attention.productRate != nil && attention.fixedSeconds > 0)
    let products = try #require(CostCurve("", steps(Self.contexts) { 2 - $0 / 1000 + $1 / 50 }).fit)
    #expect(products.productRate == nil && products.attentionRate != nil && products.fixedSeconds > 0)
  }

  @Test func `the step that is off is named by how much`() throws {
    let points = steps(Self.contexts) { products, attention in
      (0.25 + products / 200 + attention / 50) * (products == 2048.0 / 50 ? 1.5 : 1)
    }
    let curve = CostCurve("steps", points)
    let deviations = points.map { curve.deviation($0) ?? .nan }
    #expect(deviations.max() == deviations[2] && deviations[2] > 0.1)
    #expect(curve.largestDeviation == deviations.map(abs).max())
  }

  @Test func `three points get one rate, two a rate alone, one nothing`() throws {
    let line = { (products: Double, attention: Double) in 0.25 + (products + attention) / 100 }
    let three = try #require(CostCurve("", steps([512, 1024, 2048], line)).fit)
    #expect(three.form == .oneRate && abs(three.fixedSeconds / 0.25 - 1) < 1e-6)
    #expect(abs(try #require(three.productRate) / 100e9 - 1) < 1e-6 && three.attentionRate == three.productRate)
    let two = try #require(CostCurve("", steps([512, 1024]) { ($0 + $1) / 100 }).fit)
    #expect(two.form == .rateAlone && two.fixedSeconds == 0)
    #expect(abs(try #require(two.productRate) / 100e9 - 1) < 1e-6 && two.attentionRate == two.productRate)
    let one = CostCurve("", steps([512], line))
    #expect(one.fit == nil && one.largestDeviation == nil)
  }

  @Test func `points that do not tell attention from products get one rate, equal points a rate alone`() throws {
    let together = [1.0, 3, 10, 40, 50].map {
      point(512, products: $0 * 1e9, attention: $0 * 2e9, seconds: 0.25 + $0 / 100)
    }
    let fit = try #require(CostCurve("", together).fit)
    #expect(fit.form == .oneRate && abs(fit.fixedSeconds / 0.25 - 1) < 1e-6)
    #expect(abs(try #require(fit.productRate) / 300e9 - 1) < 1e-6)
    let equal = Array(repeating: point(512, products: 1e9, attention: 1e9, seconds: 1), count: 5)
    #expect(CostCurve("", equal).fit?.form == .rateAlone)
  }

  @Test func `the price is there for contexts that both models have`() {
    let report = CostReport(
      contexts: CostCurve(
        "cat", [512, 1024, 2048].map { point($0, products: Double($0), seconds: Double($0)) }),
      chunkSizes: CostCurve("cat", []),
      dense: CostCurve(
        "dense", [1024, 2048].map { point($0, products: 1, seconds: 2 * Double($0), chunkSize: nil) }),
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
    // Twice the length: products grow like it, a dense model's attention like its square.
    let growth = report.dense.points.map { $0.attentionOperations / $0.productOperations }
    #expect(growth[2] / growth[0] > 1.9 && growth[2] / growth[0] < 2.1, "\(growth)")
  }
}
