import CPUBackend
import Foundation
import ReferenceBackend
import TensorCore
import Testing

@Suite struct `Attention` {
  @Test(arguments: AttentionCase.all)
  func `forward and backward agree with the reference`(_ problem: AttentionCase) {
    let values = AttentionValues(problem)
    let expected = AttentionResults(of: problem, values, on: ReferenceBackend())
    for level in InstructionLevel.available {
      for threadCount in [1, 2] {
        let backend = CPUBackend(threadCount: threadCount, level: level)
        poisonFreeMemory(of: backend)
        let actual = AttentionResults(of: problem, values, on: backend)
        let place = "\(level), \(threadCount) threads"
        expectClose(actual.output, expected.output, within: 2e-6, "output, \(place)")
        expectClose(actual.logSumExp, expected.logSumExp, within: 2e-6, "log of sums, \(place)")
        expectClose(actual.packedGradient, expected.packedGradient, within: 1e-5, "gradient, \(place)")
        expectClose(actual.queryNormGradient, expected.queryNormGradient, within: 1e-5, "query norm, \(place)")
        expectClose(actual.keyNormGradient, expected.keyNormGradient, within: 1e-5, "key norm, \(place)")
      }
    }
  }

  @Test(arguments: AttentionCase.all)
  func `a pattern counts the pairs that see each other`(_ problem: AttentionCase) {
    let shape = problem.shape
    let rows = AttentionRows(pattern: shape.pattern, sequenceCount: 1)
    let firstQuery = shape.dropsFirstQueries ? shape.pattern.firstCount : 0
    let count = (firstQuery..<shape.pattern.rowCount).reduce(0) { count, query in
      count + (0..<shape.pattern.rowCount).count { rows.sees(query: query, key: $0) }
    }
    #expect(shape.pattern.scoreCount(dropsFirstQueries: shape.dropsFirstQueries) == count)
  }

  @Test(arguments: AttentionCase.withFirstQueriesDropped)
  func `dropped queries are not touched, and their keys and values get gradients`(_ problem: AttentionCase) {
    let shape = problem.shape
    let backend = CPUBackend(threadCount: 1)
    let gradient = AttentionResults(of: problem, AttentionValues(problem), on: backend).packedGradient
    for row in 0..<shape.rowCount {
      for column in 0..<shape.packedWidth {
        let isDropped = row < shape.firstRowCount && column < shape.queryWidth
        let value = gradient[row * shape.packedWidth + column]
        #expect((value == AttentionResults.untouched) == isDropped, "row \(row), column \(column): \(value)")
      }
    }
  }

  @Test(arguments: AttentionCase.withNorms)
  func `repeating a call gives the same bits on any number of threads`(_ problem: AttentionCase) {
    let values = AttentionValues(problem, poison: 0)
    let backend = CPUBackend(threadCount: 2)
    let first = AttentionResults(of: problem, values, on: backend)
    for _ in 0..<5 {
      poisonFreeMemory(of: backend)
      #expect(AttentionResults(of: problem, values, on: backend) == first)
    }
    for threadCount in [1, 3] {
      #expect(AttentionResults(of: problem, values, on: CPUBackend(threadCount: threadCount)) == first)
    }
  }

  @Test(arguments: AttentionCase.withNorms)
  func `reference gradients agree with finite differences`(_ problem: AttentionCase) {
    let values = AttentionValues(problem, poison: 0)
    let backend = ReferenceBackend()
    let results = AttentionResults(of: problem, values, on: backend)
    func loss(_ values: AttentionValues) -> Double {
      dotProduct(AttentionResults(of: problem, values, on: backend).output, values.outputGradient)
    }
    func check(_ field: WritableKeyPath<AttentionValues, [Float]>, _ gradient: [Float], seed: UInt64, _ name: String) {
      let direction = testValues(count: gradient.count, seed: seed)
      let slope = dotProduct(gradient, direction)
      let step: Float = 1e-2
      var above = values
      var below = values
      for i in direction.indices {
        above[keyPath: field][i] += step * direction[i]
        below[keyPath: field][i] -= step * direction[i]
      }
      let difference = (loss(above) - loss(below)) / (2 * Double(step))
      #expect(abs(difference - slope) < 2e-3 * max(1, abs(slope)), "\(name): \(difference), slope \(slope)")
    }
    let seen = results.packedGradient.map { $0 == AttentionResults.untouched ? 0 : $0 }
    for seed in 5..<8 { check(\.packed, seen, seed: UInt64(seed), "packed") }
    check(\.queryNorm, results.queryNormGradient.map { $0 - AttentionResults.normStart }, seed: 8, "query norm")
    check(\.keyNorm, results.keyNormGradient.map { $0 - AttentionResults.normStart }, seed: 9, "key norm")
  }

  @Test(arguments: InstructionLevel.available)
  func `equal keys give the mean of the values over a long context`(_ level: InstructionLevel) {
    let problem = AttentionCase(
      pattern: .causal(length: 3001), sequenceCount: 1, headCount: 1, keyValueHeadCount: 1, headWidth: 2)
    var values = AttentionValues(problem)
    for row in 0..<3001 {
      values.packed[row * 6] = 0
      values.packed[row * 6 + 1] = 0
    }
    let results = AttentionResults(of: problem, values, on: CPUBackend(threadCount: 1, level: level))
    var sums = (0.0, 0.0)
    var expectedOutput: [Float] = []
    var expectedLogSumExp: [Float] = []
    for row in 0..<3001 {
      sums.0 += Double(values.packed[row * 6 + 4])
      sums.1 += Double(values.packed[row * 6 + 5])
      expectedOutput += [Float(sums.0 / Double(row + 1)), Float(sums.1 / Double(row + 1))]
      expectedLogSumExp.append(Float(log(Double(row + 1))))
    }
    expectClose(results.output, expectedOutput, within: 2e-6, "output")
    expectClose(results.logSumExp, expectedLogSumExp, within: 2e-6, "log of sums")
  }

  @Test(arguments: [-1, 1] as [Float])
  func `scores far from zero stay finite`(_ sign: Float) {
    let problem = AttentionCase(pattern: .causal(length: 40))
    var values = AttentionValues(problem)
    for i in values.packed.indices { values.packed[i] *= sign * 200 }
    let results = AttentionResults(of: problem, values, on: CPUBackend(threadCount: 1))
    let expected = AttentionResults(of: problem, values, on: ReferenceBackend())
    expectClose(results.output, expected.output, within: 2e-2, "output")
    expectClose(results.logSumExp, expected.logSumExp, within: 1e-5, "log of sums")
    #expect(results.packedGradient.allSatisfy { $0.isFinite })
  }
}

/// Fills memory that the pool will hand out again with not-a-number.
private func poisonFreeMemory(of backend: CPUBackend) {
  for exponent in 6...20 {
    let storage = backend.pool.storage(byteCount: 4 << exponent)
    backend.fill(Tensor(storage: storage, shape: [1 << exponent]), with: .nan)
  }
}

private func dotProduct(_ a: [Float], _ b: [Float]) -> Double {
  zip(a, b).reduce(0) { $0 + Double($1.0) * Double($1.1) }
}

private func expectClose(
  _ actual: [Float], _ expected: [Float], within bound: Double, _ name: String,
  sourceLocation: SourceLocation = #_sourceLocation
) {
  let found = closeness(of: actual, to: expected)
  guard found.relativeL2 > bound else { return }
  Issue.record(
    """
    \(name): relative L2 \(found.relativeL2) over \(bound); largest difference \(found.largestDifference) at \
    \(found.index): expected \(expected[found.index]), actual \(actual[found.index])
    """, sourceLocation: sourceLocation)
}
