import CPUBackend
import Foundation
import ReferenceBackend
import TensorCore
import Testing

struct LossTests {
  /// Rows and columns.
  static let sizes = [(0, 4), (1, 1), (3, 15), (5, 17), (40, 30), (3, 17_001)]

  @Test(arguments: Configuration.all, [Float(0.1), 30])
  func `losses and gradients are right`(in configuration: Configuration, forLogitsUpTo scale: Float) {
    for (rows, columns) in Self.sizes {
      expectReferenceResults(configuration, within: 1e-6, "\(rows) × \(columns)") { backend in
        let logits = backend.random([rows, columns], seed: 1, scale: scale)
        let losses = backend.random([rows], seed: 2)
        let targets = (0..<rows).map { Int32(($0 * 31 + 7) % columns) }
        backend.crossEntropy(logits, targets: targets, losses: losses, gradientScale: 0.25)
        return [losses, logits]
      }
    }
  }

  @Test(arguments: Configuration.all)
  func `losses alone are the same`(in configuration: Configuration) {
    let backend = configuration.backend()
    for (rows, columns) in Self.sizes {
      let targets = (0..<rows).map { Int32(($0 * 31 + 7) % columns) }
      let results = [nil, Float(1)].map { gradientScale in
        let losses = backend.random([rows], seed: 2)
        backend.crossEntropy(
          backend.random([rows, columns], seed: 3, scale: 5), targets: targets, losses: losses,
          gradientScale: gradientScale)
        return floats(losses)
      }
      #expect(results[0] == results[1], "\(rows) × \(columns)")
    }
  }

  @Test(arguments: Configuration.all, [Int32(-100), -1])
  func `ignored rows have neither loss nor gradient`(in configuration: Configuration, marked ignored: Int32) {
    let backend = configuration.backend()
    let logits = backend.random([3, 40], seed: 4)
    let losses = backend.random([3], seed: 5)
    backend.crossEntropy(logits, targets: [7, ignored, 39], losses: losses, gradientScale: 1)
    #expect(floats(losses)[1] == 0)
    #expect(floats(losses)[0] > 0 && floats(losses)[2] > 0)
    #expect(floats(logits.rows(1..<2)).allSatisfy { $0 == 0 })
    for row in [0, 2] { #expect(abs(floats(logits.rows(row..<row + 1)).reduce(0, +)) < 1e-6) }
  }

  @Test(arguments: Configuration.all)
  func `probabilities are exact down to the smallest`(in configuration: Configuration) {
    let backend = configuration.backend()
    let scores = stride(from: Float(-87.3), through: 0, by: 0.037).map { $0 }
    let logits = tensor(scores.flatMap { [0, $0] }, [scores.count, 2], on: backend)
    let losses = backend.random([scores.count], seed: 6)
    backend.crossEntropy(
      logits, targets: [Int32](repeating: 0, count: scores.count), losses: losses, gradientScale: 1)
    for (row, score) in scores.enumerated() {
      let expected = exp(Double(score)) / (1 + exp(Double(score)))
      let actual = Double(floats(logits)[2 * row + 1])
      guard abs(actual - expected) > 2.5e-7 * expected else { continue }
      Issue.record("exp(\(score)): expected \(expected), got \(actual)")
      break
    }
  }

  @Test(arguments: Configuration.all)
  func `columns that cannot be have no gradient`(in configuration: Configuration) {
    expectReferenceResults(configuration, within: 1e-6) { backend in
      var values = testValues(count: 36, seed: 7)
      for column in [0, 5, 16, 17] { (values[column], values[18 + column]) = (-.infinity, -1e30) }
      let logits = tensor(values, [2, 18], on: backend)
      let losses = backend.random([2], seed: 8)
      backend.crossEntropy(logits, targets: [1, 4], losses: losses, gradientScale: 1)
      return [losses, logits]
    }
  }

  @Test(arguments: Configuration.all, [Float.nan, .infinity])
  func `a broken logit breaks the loss`(in configuration: Configuration, with value: Float) {
    let backend = configuration.backend()
    for column in [0, 16, 20] {
      var values = testValues(count: 21, seed: 9)
      values[column] = value
      let losses = backend.random([1], seed: 10)
      let logits = tensor(values, [1, 21], on: backend)
      backend.crossEntropy(logits, targets: [2], losses: losses, gradientScale: nil)
      #expect(!floats(losses)[0].isFinite)
    }
  }

  @Test(arguments: Configuration.all)
  func `the first of the largest is found`(in configuration: Configuration) {
    let backend = configuration.backend()
    for (rows, columns) in Self.sizes {
      let values = testValues(count: rows * columns, seed: 11).map { ($0 * 50).rounded() }
      #expect(
        argmax(values, [rows, columns], on: backend) == argmax(values, [rows, columns], on: ReferenceBackend()),
        "\(rows) × \(columns)")
    }
  }

  @Test(arguments: Configuration.all, [Float.nan, .infinity, -.infinity])
  func `a row that is not finite has no largest column`(in configuration: Configuration, with value: Float) {
    let backend = configuration.backend()
    for column in [0, 16, 20] {
      var values = testValues(count: 3 * 21, seed: 12)
      values[21 + column] = value
      let found = argmax(values, [3, 21], on: backend)
      #expect(found == argmax(values, [3, 21], on: ReferenceBackend()))
      #expect(found.map { $0 < 0 } == [false, true, false])
    }
    // Finite as they are, their sum in single precision is not.
    #expect(argmax([Float](repeating: 3e38, count: 21), [1, 21], on: backend) == [0])
  }

  @Test(arguments: Configuration.all)
  func `places that hold the same are counted`(in configuration: Configuration) {
    for backend in [configuration.backend() as any Backend, ReferenceBackend()] {
      for count in [0, 1, 1000] {
        let total = Tensor(doubles: [0.5], pool: backend.pool)
        let (x, y) = ((0..<count).map { Int32($0 % 7 - 1) }, (0..<count).map { Int32($0 % 5 - 1) })
        backend.accumulateMatches(of: backend.indices(x), with: backend.indices(y), into: total)
        #expect(total.doubles == [0.5 + Double(zip(x, y).count { $0 == $1 })])
      }
    }
  }

  private func argmax(_ values: [Float], _ shape: [Int], on backend: any Backend) -> [Int32] {
    Tape(backend: backend, isRecording: false).argmax(tensor(values, shape, on: backend)).indices
  }
}
