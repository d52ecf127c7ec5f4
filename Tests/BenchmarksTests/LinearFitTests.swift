import Benchmarks
import Testing

@Suite struct LinearFitTests {
  @Test(arguments: [(0.5, 2.0), (0, 3e-12), (-1, 4), (1e3, 1e-9)])
  func `a line through points on it is found`(constant: Double, slope: Double) throws {
    let places = [1.0, 10, 100, 1000].map { $0 / slope + 2 * abs(constant) / slope }
    let fit = try #require(
      LinearFit(inputs: places.map { [1, $0] }, values: places.map { constant + slope * $0 }))
    let scale = max(abs(constant), slope * places[0])
    #expect(abs(fit.coefficients[0] - constant) < 1e-6 * scale)
    #expect(abs(fit.coefficients[1] / slope - 1) < 1e-6)
    for place in places {
      let expected = constant + slope * place
      #expect(abs(fit.value(at: [1, place]) / expected - 1) < 1e-9)
    }
  }

  @Test func `three coefficients are found`() throws {
    let inputs = [[1.0, 2, 9], [1, 3, 1], [1, 5, 4], [1, 8, 2]]
    let fit = try #require(LinearFit(inputs: inputs, values: inputs.map { 7 + 0.5 * $0[1] + 0.25 * $0[2] }))
    for (found, expected) in zip(fit.coefficients, [7, 0.5, 0.25]) { #expect(abs(found - expected) < 1e-9) }
  }

  @Test func `errors are relative: the small value is met as well as the large one`() throws {
    // One coefficient for values that ask for 1 and for 2: c/1 - 1 and c/2 - 1 weigh alike, so c = 6/5.
    let fit = try #require(LinearFit(inputs: [[1], [1000]], values: [1, 2000]))
    #expect(abs(fit.coefficients[0] - 1.2) < 1e-12)
  }

  @Test func `without negative coefficients the rest are the best without that column`() throws {
    let inputs = [[1.0, 2, 9], [1, 3, 1], [1, 5, 4], [1, 8, 2]]
    let values = inputs.map { 7 + 0.5 * $0[1] - 0.25 * $0[2] }
    let fit = try #require(LinearFit(notNegative: inputs, values: values))
    let rest = try #require(LinearFit(inputs: inputs.map { [$0[0], $0[1]] }, values: values))
    #expect(fit.coefficients == rest.coefficients + [0])
  }

  @Test func `coefficients that are not negative stay what they are`() throws {
    let inputs = [[1.0, 2, 9], [1, 3, 1], [1, 5, 4], [1, 8, 2]]
    let values = [10.3, 8.7, 10.6, 11.4]
    let free = try #require(LinearFit(inputs: inputs, values: values))
    try #require(free.coefficients.allSatisfy { $0 >= 0 })
    #expect(LinearFit(notNegative: inputs, values: values) == free)
  }

  @Test(arguments: [[[1.0, 2], [1, 2], [1, 2]], [[1, 5]], [[1, 0], [1, 0]]])
  func `what values do not determine is not made up`(inputs: [[Double]]) {
    #expect(LinearFit(inputs: inputs, values: inputs.map { _ in 1 }) == nil)
  }
}
